/** undici's pool without its face: the package's index also loads fetch, WebSockets and mocks, 14 MB more in each process. */
declare module "undici/lib/dispatcher/pool.js" {
  import { Pool } from "undici";

  export default Pool;
}
