/** Entry point of the `trueup` command. */
import { main } from "./cli/main.ts";

// What was printed has been taken by the streams, so nothing is lost by ending here, whatever else is still open.
process.exit(await main(process.argv.slice(2)));
