/** Checking files on two threads says exactly what one says, and what parsing and checking them here says. */
import { cpSync, globSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { checkFilesOnDisk, type FileOnDisk } from "../../../src/cli/check/app-on-disk.ts";
import { checkFiles, Unreadable } from "../../../src/cli/check/pool.ts";
import { type CheckContext, checkApp, optionsOf, parseFiles } from "../../../src/cli/manifests.ts";
import { compareDiagnostics, type Diagnostic } from "../../../src/model/diagnostic.ts";
import { asObjectHash } from "../../../src/model/source.ts";
import type { Checks } from "../../../src/validation/index.ts";
import { POLICY_IDS } from "../../../src/validation/rules.ts";

const FIXTURES = join(import.meta.dirname, "../../fixtures/validation");
const SECRET = "apiVersion: v1\nkind: Secret\nmetadata: { name: keys }\nstringData: { password: hunter2hunter2 }\n";
const CUSTOM = "apiVersion: example.com/v1\nkind: Secret\nmetadata: { name: own }\ndata: { a: b }\n";

const CHECKS: Checks = {
  policies: POLICY_IDS.map((rule) => ({ rule, level: "warning", labels: ["owner"], allowed: ["shop/*"] })),
  rules: [
    { id: "named", expression: 'object.metadata.name.startsWith("x")', level: "warning" },
    { id: "telling", expression: "false", messageExpression: "object.stringData.password", level: "error" },
  ],
};

let directory: string;
let files: FileOnDisk[];

beforeAll(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-pool-"));
  cpSync(FIXTURES, directory, { recursive: true });
  writeFileSync(join(directory, "secret.yaml"), SECRET);
  writeFileSync(join(directory, "custom.yaml"), CUSTOM);
  writeFileSync(join(directory, "broken.yaml"), "a: [\n---\napiVersion: v1\nkind: ConfigMap\n");
  files = globSync("**/*.{yaml,yml,json}", { cwd: directory })
    .sort()
    .map((file) => ({
      file,
      path: join(directory, file),
      text: readFileSync(join(directory, file), "utf8"),
      blob: asObjectHash("0".repeat(40)),
    }));
});

afterAll(() => rmSync(directory, { recursive: true, force: true }));

const sorted = (diagnostics: readonly Diagnostic[]): string[] =>
  diagnostics.toSorted(compareDiagnostics).map((each) => JSON.stringify(each));

const workOf = (context: CheckContext): Parameters<typeof checkFiles>[0] => ({
  files,
  defaultNamespace: context.defaultNamespace,
  options: optionsOf(context),
});

describe("files on disk", () => {
  it.each<[string, CheckContext]>([
    ["with all rules", { defaultNamespace: "default" }],
    ["in another namespace, for an older Kubernetes", { defaultNamespace: "shop", kubernetesVersion: "1.34" }],
    ["by schemas alone", { defaultNamespace: "default", schemasOnly: true }],
    ["with policies and rules", { defaultNamespace: "default", checks: CHECKS }],
  ])("get the very diagnostics that their objects get here, %s", async (_, context) => {
    expect(files.length).toBeGreaterThan(50);
    const here = checkApp(parseFiles(files, context.defaultNamespace), context);
    const carried = checkApp(await checkFilesOnDisk(files, context), context);
    expect(sorted(carried)).toEqual(sorted(here));
    expect(here.length).toBeGreaterThan(50);
  });

  it("say the same on two threads as on one", async () => {
    const work = workOf({ defaultNamespace: "default", checks: CHECKS });
    const { checks: one } = await checkFiles(work, { worthAThread: Number.POSITIVE_INFINITY });
    const { checks: two } = await checkFiles(work, { worthAThread: 0 });
    expect(two).toEqual(JSON.parse(JSON.stringify(one)));
  });

  it("leave no secret in what goes from thread to thread", async () => {
    const { checks } = await checkFiles(workOf({ defaultNamespace: "default", checks: CHECKS }));
    const text = JSON.stringify(checks);
    expect(text).toContain('"keys":["password"]');
    expect(text).not.toContain("hunter2");
  });

  it.each([0, Number.POSITIVE_INFINITY])(
    "end the check when one cannot be read (threads from %d files)",
    async (from) => {
      const missing = { path: join(directory, "gone.yaml"), file: "gone.yaml" };
      const work = { ...workOf({ defaultNamespace: "default" }), files: [...files, missing] };
      await expect(checkFiles(work, { worthAThread: from })).rejects.toThrow(Unreadable);
      await expect(checkFiles(work, { worthAThread: from })).rejects.toMatchObject({
        file: "gone.yaml",
        code: "ENOENT",
      });
    },
  );
});
