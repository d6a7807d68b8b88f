/**
 * What `trueup diff` shows of a commit, in each of its forms.
 *
 * Written after reading, as an example of what people expect of such a command, the golden files of Flux's `diff kustomization`
 * (fluxcd/flux2 at da2d22d, Apache-2.0; nothing is copied): objects that are new, one changed port, Secrets of which a value changed
 * or a key was renamed or which another field spells the same, labels that are added. From it: a line an object that says which one and
 * what becomes of it, in every form; that a Secret's changed value shows as changed, and a renamed key as one gone and one new, both
 * without what they hold; that a port is known by its name. And beyond it a last line that counts, as the list of a real commit is long.
 *
 * Not taken over: its own layout with both sides in columns, which neither `patch` nor a forge's colours understand (`-o fields` has a
 * line a field instead); the group, version and kind of each object in full (`-o json` has the object's name, and the diff its
 * first lines); marks and folders as emoji; recursion into other tools' Kustomization objects, which trueup does not render; and exit 0
 * with drift, as a pipeline must be able to ask. Renamed SOPS keys are renamed keys: nothing is decrypted here.
 */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { commitAll, gitIn, initRepository } from "../git/support.ts";
import { type Home, makeHome, ROOT, run } from "../support/processes.ts";
import { PROGRAM } from "./with-daemon.ts";

const secret = (name: string, ...fields: string[]): string =>
  [`apiVersion: v1`, `kind: Secret`, `metadata: { name: ${name} }`, ...fields, ""].join("\n");
const config = (name: string, metadata = ""): string =>
  `apiVersion: v1\nkind: ConfigMap\nmetadata: { name: ${name}${metadata} }\ndata: { a: "1" }\n`;
const service = (port: number): string => `apiVersion: v1
kind: Service
metadata: { name: web, namespace: shop }
spec:
  selector: { app: web }
  ports:
  - { name: http, port: ${port}, targetPort: http }
  - { name: grpc, port: 9999, targetPort: grpc }
`;

let home: Home;
const trueup = (...args: string[]): ReturnType<typeof run> =>
  run([process.execPath, PROGRAM, ...args], { cwd: home.dir, env: home.env });

beforeEach(() => {
  home = makeHome();
  home.env.XDG_CACHE_HOME = join(ROOT, "node_modules/.cache");
  initRepository(home.dir);
  commitAll(
    home.dir,
    {
      "gone.yaml": config("gone"),
      "labels.yaml": config("labels"),
      "service.yaml": service(9899),
      "value.yaml": secret("value", "stringData: { password: first-one }"),
      "key.yaml": secret("key", "stringData: { token1: the-token }"),
      "same.yaml": secret("same", "data: { user: YWRtaW4= }"),
    },
    "One",
  );
  commitAll(
    home.dir,
    {
      "gone.yaml": null,
      "labels.yaml": config("labels", ", labels: { team: shop }"),
      "service.yaml": service(9898),
      "value.yaml": secret("value", "stringData: { password: second-one }"),
      "key.yaml": secret("key", "stringData: { token: the-token }"),
      "same.yaml": secret("same", "stringData: { user: admin }"),
      "new.yaml": secret("new", "stringData: { pin: '4711' }"),
    },
    "Two",
  );
});
afterEach(() => home.remove());

/** Of nothing that a Secret holds, as it is written or as it is stored. */
function expectNoSecret(text: string): void {
  for (const value of ["first-one", "second-one", "the-token", "admin", "4711"]) {
    expect(text).not.toContain(value);
    expect(text).not.toContain(Buffer.from(value).toString("base64"));
  }
}

describe("diff of a commit", () => {
  it("says of each object what becomes of it, and counts", async () => {
    const { code, stdout, stderr } = await trueup("diff", "HEAD^..HEAD", "-o", "fields");
    expect({ code, stderr }).toEqual({ code: 1, stderr: "" });
    expect(stdout).toBe(`configmap/gone: delete
configmap/labels: update
    metadata.labels.team: shop (new)
secret/key: update
    data.token: *** (new)
    data.token1: *** (removed)
secret/new: create
secret/value: update
    data.password: *** (before) → *** (after)
shop/service/web: update
    spec.ports[name=http].port: 9899 → 9898
1 to create, 4 to update, 1 to delete
`);
  });

  it("is a patch that other programs read", async () => {
    const { code, stdout } = await trueup("diff", "HEAD^..HEAD");
    expect(code).toBe(1);
    expectNoSecret(stdout);
    const [before, after] = ["HEAD^", "HEAD"].map((rev) => gitIn(home.dir, ["rev-parse", "--short=7", rev]));
    expect(stdout).toContain(`secret/key: update
--- ${before} key.yaml
+++ ${after} key.yaml
@@ -4,4 +4,4 @@
   name: key
 type: Opaque
 data:
-  token1: "***"
+  token: "***"
secret/new: create
--- /dev/null
+++ ${after} new.yaml
`);
    expect(stdout).toContain(`-  password: "*** (before)"\n+  password: "*** (after)"\n`);
    expect(stdout).toMatch(/\n1 to create, 4 to update, 1 to delete\n$/);
    writeFileSync(join(home.dir, "a.patch"), stdout);
    expect(gitIn(home.dir, ["apply", "-p0", "--numstat", "a.patch"]).split("\n")).toHaveLength(6);
  });

  it("is the same as data and as a comment", async () => {
    const data = await trueup("diff", "HEAD^..HEAD", "-o", "json");
    expectNoSecret(data.stdout);
    const diffs = JSON.parse(data.stdout) as { action: string; object: string; fields: object[] }[];
    expect(diffs.map(({ action, object, fields }) => `${action} ${object} ${fields.length}`)).toEqual([
      "delete configmap/gone 0",
      "update configmap/labels 1",
      "update secret/key 2",
      "create secret/new 0",
      "update secret/value 1",
      "update shop/service/web 2",
    ]);
    const comment = await trueup("diff", "HEAD^..HEAD", "-o", "markdown");
    expectNoSecret(comment.stdout);
    expect(comment.stdout.match(/^\*\*trueup diff.*|<summary>.*<\/summary>/gm)).toEqual([
      "**trueup diff**: 1 to create, 4 to update, 1 to delete",
      "<summary>delete <code>configmap/gone</code></summary>",
      "<summary>update <code>configmap/labels</code></summary>",
      "<summary>update <code>secret/key</code></summary>",
      "<summary>create <code>secret/new</code></summary>",
      "<summary>update <code>secret/value</code></summary>",
      "<summary>update <code>shop/service/web</code></summary>",
    ]);
  });
});
