import { describe, expect, it } from "vitest";
import { asProxy, proxyFor, withoutCredentials } from "../../../src/backend/kubernetes/proxy.ts";

const PROXY = "http://proxy.test:3128/";
const SERVER = "https://api.shop.test:6443";

describe("the proxy that the environment names", () => {
  it("is that of the server's scheme, in capitals or small letters", () => {
    const rows: [string, Record<string, string>, string | undefined][] = [
      [SERVER, {}, undefined],
      [SERVER, { HTTPS_PROXY: "" }, undefined],
      [SERVER, { HTTPS_PROXY: "http://proxy.test:3128" }, PROXY],
      [SERVER, { https_proxy: "http://proxy.test:3128" }, PROXY],
      [SERVER, { HTTPS_PROXY: "http://proxy.test:3128", https_proxy: "http://other.test" }, PROXY],
      [SERVER, { HTTPS_PROXY: "proxy.test:3128" }, PROXY],
      [SERVER, { HTTPS_PROXY: "socks5://proxy.test:1080" }, "socks5://proxy.test:1080"],
      [SERVER, { HTTP_PROXY: "http://proxy.test:3128" }, undefined],
      ["http://api.shop.test", { HTTP_PROXY: "http://proxy.test:3128" }, PROXY],
      ["http://api.shop.test", { HTTPS_PROXY: "http://proxy.test:3128" }, undefined],
      ["https://localhost:6443", { HTTPS_PROXY: PROXY }, undefined],
      ["https://127.0.0.1:6443", { HTTPS_PROXY: PROXY }, undefined],
      ["https://[::1]:6443", { HTTPS_PROXY: PROXY }, undefined],
      ["https://127.shop.test", { HTTPS_PROXY: PROXY }, PROXY],
    ];
    for (const [server, env, expected] of rows) {
      expect({ server, env, proxy: proxyFor(server, env) }).toEqual({ server, env, proxy: expected });
    }
  });

  it("is not taken for what NO_PROXY excepts", () => {
    const rows: [string, string, boolean][] = [
      [SERVER, "", false],
      [SERVER, "*", true],
      [SERVER, "other.test, *", true],
      [SERVER, "shop.test", true],
      [SERVER, "SHOP.TEST", true],
      [SERVER, ".shop.test", true],
      [SERVER, "*.shop.test", true],
      [SERVER, "api.shop.test", true],
      [SERVER, "api.shop.test:6443", true],
      [SERVER, "api.shop.test:443", false],
      [SERVER, ".api.shop.test", false],
      [SERVER, "hop.test", false],
      [SERVER, "other.test,, shop.test", true],
      ["https://api.shop.test", "api.shop.test:443", true],
      ["https://10.1.2.3:6443", "10.0.0.0/8", true],
      ["https://10.1.2.3:6443", "10.2.0.0/16", false],
      ["https://10.1.2.3:6443", "10.1.2.3", true],
      ["https://10.1.2.3:6443", "10.1.2.3:6443", true],
      ["https://10.1.2.3:6443", "10.0.0.0/99", false],
      ["https://10.1.2.3:6443", "fd00::/8", false],
      ["https://[fd00::1]:6443", "fd00::/8", true],
      ["https://[fd00::1]:6443", "fd00::1", true],
      ["https://[fd00::1]:6443", "[fd00::1]:6443", true],
      ["https://[fd00::1]:6443", "[fd00::1]:443", false],
    ];
    for (const [server, NO_PROXY, isExcepted] of rows) {
      const proxy = proxyFor(server, { HTTPS_PROXY: PROXY, NO_PROXY });
      expect({ server, NO_PROXY, isExcepted: proxy === undefined }).toEqual({ server, NO_PROXY, isExcepted });
    }
  });

  it("is refused when it is none, without showing what it holds", () => {
    for (const text of ["ftp://user:hunter2@proxy.test", "http://", "http://user:hunter2@:80:80"]) {
      expect(() => proxyFor(SERVER, { HTTPS_PROXY: text })).toThrow(
        "Cannot use the proxy of variable HTTPS_PROXY as it must be an address of http://, https://, socks5://: it is not.",
      );
    }
    expect(withoutCredentials(asProxy("user:hunter2@proxy.test:3128", "a test"))).toBe("http://proxy.test:3128");
  });
});
