/** Kubeconfig files: what is written is read again, what others write is read as far as tests can use it. */
import { mkdtempSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { type Access, readKubeconfig, writeKubeconfig } from "./access.ts";

let directory: string;
beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-access-"));
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

it.each<Access>([
  { server: "https://127.0.0.1:1", ca: "CA\n", token: "t" },
  { server: "https://127.0.0.1:1", ca: "CA\n", certificate: "C\n", key: "K\n", impersonate: "alice" },
  { server: "http://127.0.0.1:1", token: "t" },
])("reads again what it wrote: %j", (access) => {
  const path = join(directory, "kubeconfig");
  writeKubeconfig(path, access);
  expect(readKubeconfig(path)).toEqual(access);
  expect(statSync(path).mode & 0o777).toBe(0o600);
});

const CONFIG = (user: string, cluster = "server: https://a.example"): string => `
current-context: here
contexts: [{ name: here, context: { cluster: c, user: u } }]
clusters: [{ name: c, cluster: { ${cluster} } }]
users: [{ name: u, user: { ${user} } }]
`;

it("reads files that a kubeconfig names, from where it is", () => {
  writeFileSync(join(directory, "ca.pem"), "CA\n");
  writeFileSync(join(directory, "token"), "t\n");
  const path = join(directory, "kubeconfig");
  const cluster = "server: https://a.example, certificate-authority: ca.pem";
  writeFileSync(path, CONFIG("tokenFile: token", cluster));
  expect(readKubeconfig(path)).toEqual({ server: "https://a.example", ca: "CA\n", token: "t" });
});

it.each([
  ["its user has exec", CONFIG("exec: { command: login }")],
  ["its user has nothing", CONFIG("")],
  ["it trusts any server", CONFIG("token: t", "server: https://a.example, insecure-skip-tls-verify: true")],
  [
    'its current context "other" names none',
    CONFIG("token: t").replace("current-context: here", "current-context: other"),
  ],
  ['its current context "" names none', "{}"],
])("refuses what it cannot use: %s", (why, text) => {
  const path = join(directory, "kubeconfig");
  writeFileSync(path, text);
  const must = "it must name a server and a token or a client certificate";
  expect(() => readKubeconfig(path)).toThrow(`Cannot use ${path} for the tests as ${must}: ${why}.`);
});
