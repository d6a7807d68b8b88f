/** `trueup.config.yaml`: which daemon it makes, and what it refuses. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { readOperatorConfig } from "../../src/cli/operator-config.ts";
import { NO_OPERATOR } from "../../src/validation/index.ts";
import { type Home, makeHome } from "../support/processes.ts";

let home: Home;
let file: string;

beforeEach(() => {
  home = makeHome();
  mkdirSync(join(home.dir, "ops"));
  file = join(home.dir, "ops", "trueup.config.yaml");
});
afterEach(() => home.remove());

const COMMIT = "0123456789abcdef0123456789abcdef01234567";

async function read(text: string, chosen?: string, target?: string): ReturnType<typeof readOperatorConfig> {
  writeFileSync(file, text);
  return readOperatorConfig(file, {
    ...(chosen !== undefined && { repository: chosen }),
    ...(target !== undefined && { target }),
  });
}

describe("the operator's configuration", () => {
  it("takes paths from its own directory, and defaults for the rest", async () => {
    const { policy, ...options } = await read("repositories: [{path: ../shop}]\nimages: {paths: [img, /opt/img]}\n");
    expect(options).toEqual({
      repository: join(home.dir, "shop"),
      ref: "HEAD",
      imagePaths: [join(home.dir, "ops/img"), "/opt/img"],
    });
    expect(policy).toEqual({
      operator: NO_OPERATOR,
      prune: { maxObjects: 3, maxPercent: 30 },
      limits: { manifestBytes: 1024 * 1024, manifests: 20_000 },
    });
  });

  it.each([
    ["", undefined],
    [", adopt: true", true],
    [", adopt: false", false],
    [", adopt: [web, api]", ["web", "api"]],
  ])("hands on who may adopt: %j", async (given, expected) => {
    const { policy } = await read(`repositories: [{path: /srv/shop${given}}]\n`);
    expect(policy.adopt).toEqual(expected);
  });

  it("hands on ref, apps, limits and state", async () => {
    const text =
      "repositories: [{path: /srv/shop, ref: live, apps: [web]}]\n" +
      "state: st\nlimits: {deletions: 0, manifestBytes: 2048, manifests: 5}\n";
    expect(await read(text)).toEqual({
      repository: "/srv/shop",
      ref: "live",
      imagePaths: [],
      state: join(home.dir, "ops/st"),
      policy: {
        operator: NO_OPERATOR,
        apps: ["web"],
        prune: { maxObjects: 0, maxPercent: 30 },
        limits: { manifestBytes: 2048, manifests: 5 },
      },
    });
  });

  it.each([
    ["", undefined],
    ["ledger: {}\n", undefined],
    ["ledger: {keepDays: 30}\n", { keepDays: 30 }],
    ["ledger: {keepAttempts: 5, keepDays: 30}\n", { keepAttempts: 5, keepDays: 30 }],
  ])("keeps all of the ledger unless it is told otherwise: %j", async (text, retention) => {
    expect((await read(`repositories: [{path: a}]\n${text}`)).retention).toEqual(retention);
  });

  it.each([
    ["[main]", "refs/heads/main", true],
    ["[main]", "refs/heads/main2", false],
    ["[refs/heads/main]", "refs/heads/main", true],
    ["[release/*]", "refs/heads/release/1", true],
    ["[release/*]", "refs/heads/released", false],
    ["[refs/tags/*]", "refs/tags/v1", true],
    ["[main]", "HEAD", false],
    ["[HEAD]", "HEAD", true],
    ["[]", "refs/heads/main", false],
  ])("trusts %s: %s runs: %s", async (refs, ref, runs) => {
    const { policy } = await read(`repositories: [{path: a}]\ntrust: {refs: ${refs}}\n`);
    const found = policy.distrust?.(ref) ?? null;
    expect(found === null).toBe(runs);
    if (found !== null) expect(found).toMatchObject({ severity: "error", rule: "ref-untrusted", location: { file } });
  });

  it("trusts what it tracks when it names no refs, and the commit that it pins", async () => {
    expect((await read("repositories: [{path: a}]\n")).policy.distrust).toBeUndefined();
    const pinned = await read(`repositories: [{path: a, commit: ${COMMIT}}]\ntrust: {refs: [main]}\n`);
    expect(pinned.pin).toBe(COMMIT);
    expect(pinned.policy.distrust).toBeUndefined();
  });

  it("asks which of several repositories is meant, and follows the one that is named", async () => {
    const text = "repositories: [{path: ../a}, {path: ../b}]\n";
    await expect(read(text)).rejects.toMatchObject({
      code: "usage",
      message: `Cannot follow 2 repositories as one daemon must follow one: ${file} names ../a, ../b.`,
    });
    expect((await read(text, join(home.dir, "b"))).repository).toBe(join(home.dir, "b"));
    await expect(read(text, join(home.dir, "c"))).rejects.toThrow(/^Cannot follow .*\/c as .* must name it: /);
  });

  it("applies to the target that a repository names, or to the only one", async () => {
    const targets =
      "targets:\n- {name: stage, kind: kubernetes, kubeconfig: kube/config, context: admin}\n- {name: here}\n";
    const two = `repositories: [{path: a, target: stage}, {path: a, target: here}]\n${targets}`;
    const stage = {
      kind: "kubernetes",
      name: "stage",
      kubeconfig: join(home.dir, "ops/kube/config"),
      context: "admin",
      inCluster: false,
      ledger: "local",
      namespace: "trueup-system",
    };
    expect((await read(two, undefined, "stage")).target).toEqual(stage);
    expect((await read(two, undefined, "here")).target).toEqual({ kind: "embedded", name: "here" });
    await expect(read(two)).rejects.toMatchObject({ hint: expect.stringContaining("--target NAME") });
    await expect(read(two, undefined, "prod")).rejects.toMatchObject({
      message: `Cannot apply to prod as ${file} must name it as a target: it names stage, here.`,
    });
    const only = "repositories: [{path: a}]\ntargets: [{name: in, kind: kubernetes, inCluster: true, owner: ops}]\n";
    expect((await read(only)).target).toEqual({
      kind: "kubernetes",
      name: "in",
      inCluster: true,
      ledger: "local",
      namespace: "trueup-system",
      owner: "ops",
    });
    expect((await read(only, undefined, "in")).target?.name).toBe("in");
  });

  it("says all that is wrong at once, each with its place", async () => {
    await expect(read("repositories: [{paht: a}]\nlimits: {deletions: many}\n")).rejects.toThrow(
      /:1:17: error: Cannot read repositories\[0\]\.paht.*:2:21: error: Cannot read limits\.deletions/s,
    );
    await expect(readOperatorConfig(join(home.dir, "none"))).rejects.toMatchObject({ code: "usage" });
  });
});
