/** What Argo CD's engine asserts about three-way differences and masked secrets, held against ours. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { load } from "js-yaml";
import { describe, expect, it } from "vitest";
import { compareObjects } from "../../src/diff/compare.ts";
import { redactObject, redactPair } from "../../src/diff/redact.ts";
import { mergeThreeWay } from "../../src/diff/three-way.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { ANNOTATION } from "../../src/model/workload.ts";
import { appliedFromManagedFields } from "./managed-fields.ts";

const FOLDER = join(import.meta.dirname, "../fixtures/diff/gitops-engine");

interface Edit {
  op: "set" | "remove";
  path: string[];
  value?: unknown;
}
interface FileCase {
  test: string;
  config: string;
  live: string;
  inlineFile?: string;
  configEdits?: Edit[];
  liveEdits?: Edit[];
  modified: boolean;
}
interface InlineCase {
  name: string;
  config: KubeObject | null;
  live: KubeObject | null;
  modified: boolean;
}
interface MaskingCase {
  name: string;
  target?: Record<string, string>;
  live?: Record<string, string>;
  expectTarget?: Record<string, string>;
  expectLive?: Record<string, string>;
  annotation?: string;
}
interface Expected {
  fileCases: FileCase[];
  inlineCases: InlineCase[];
  structuredMergeDiff: { name: string; config: string; live: string; modified: boolean }[];
  serverSideDiff: { name: string; config?: string; live?: string; inlineFile?: string; modified: boolean }[];
  secretMasking: { cases: MaskingCase[] };
}

const expected = JSON.parse(readFileSync(join(FOLDER, "expected-diff.json"), "utf8")) as Expected;

function read(file: string): KubeObject {
  return load(readFileSync(join(FOLDER, file), "utf8")) as KubeObject;
}

function pairOf(row: { config?: string; live?: string; inlineFile?: string }): {
  config: KubeObject;
  live: KubeObject;
} {
  if (row.inlineFile !== undefined) return read(row.inlineFile) as unknown as { config: KubeObject; live: KubeObject };
  return { config: read(row.config ?? ""), live: read(row.live ?? "") };
}

function edit(object: KubeObject, edits: Edit[] = []): KubeObject {
  const copy = structuredClone(object);
  for (const { op, path, value } of edits) {
    let at = copy as Record<string, unknown>;
    for (const key of path.slice(0, -1)) at = at[key] as Record<string, unknown>;
    const last = path.at(-1) ?? "";
    if (op === "set") at[last] = value;
    else delete at[last];
  }
  return copy;
}

function lastApplied(live: KubeObject): KubeObject | null {
  const text = live.metadata.annotations?.[ANNOTATION.lastApplied];
  return text === undefined ? null : (JSON.parse(text) as KubeObject);
}

function changedPaths(applied: KubeObject | null, live: KubeObject, config: KubeObject): string[] {
  return compareObjects(live, mergeThreeWay(applied, live, config)).map(({ path }) => path);
}

const WEBHOOK = "nothing that git declares differs; what a server's webhook would add is not known before the apply";

/** Where we decide otherwise, and why. */
const DISAGREE: Readonly<Record<string, string>> = {
  "TestDiffOptionIgnoreAggregateRoles (option on)": "there is no such option: roles are not among the kinds we apply",
  "live null (to be created)": "a missing object is a create of the plan, not a difference of fields",
  "ignores mutating-webhook changes by default": WEBHOOK,
  "includes mutating-webhook changes": WEBHOOK,
  "ignoreDifferences on spec.sessionAffinity": WEBHOOK,
  "config null (live only; pruning is decided elsewhere)": "an object that git lacks is a delete of the plan",
};

/** What our three-way merge finds changed in the cases that state the applied part as managed fields. */
const FROM_MANAGED_FIELDS: Readonly<Record<string, string[]>> = {
  "will apply default values": ["spec.ports[port=1935].targetPort"],
  "will remove entries in list": ["spec.ports[port=443]"],
  "will remove previously added fields not present in desired state": ["spec.ports[port=1935].targetPort", "spec.type"],
  "will apply service with multiple ports": ["spec.ports[port=1935,protocol=UDP]", "spec.ports[port=443,protocol=UDP]"],
  "will apply deployment defaults correctly": [],
  "removing some field with undoing changes done by webhook": [
    "spec.template.spec.containers[name=nginx].ports[order]",
    "spec.template.spec.containers[name=nginx].resources.requests.cpu",
    "spec.template.spec.containers[name=nginx].resources.requests.memory",
  ],
  "nested fields like ports and env": [
    "spec.template.spec.containers[name=main-container].env[name=ENV_VAR2]",
    "spec.template.spec.containers[name=main-container].ports[containerPort=443]",
  ],
  // Its managed fields claim what the server filled in; what would only be filled in again is no change.
  "extra container using kubectl apply and mutation webhook": [
    "spec.template.spec.containers[name=main-container].ports[containerPort=40]",
  ],
  "deletion of labels": ["metadata.labels.delete-me"],
  "composite list keys (port+protocol) preserved": [
    "spec.template.spec.containers[name=nginx].ports[containerPort=8080]",
  ],
  "ConfigMap data key removal": ["data.key3"],
  "mismatched resourceVersion is no diff": [],
};

describe("three-way cases with files", () => {
  it.each(expected.fileCases)("$test", (row) => {
    const pair = pairOf(row);
    const config = edit(pair.config, row.configEdits);
    const live = edit(pair.live, row.liveEdits);
    const paths = changedPaths(lastApplied(live), live, config);
    if (row.test in DISAGREE) expect(paths.length > 0).not.toBe(row.modified);
    else expect(paths.length > 0, paths.join(" ")).toBe(row.modified);
  });
});

describe("inline cases", () => {
  it.each(expected.inlineCases)("$name", (row) => {
    if (row.config === null || row.live === null) {
      expect(DISAGREE).toHaveProperty([row.name]);
      return;
    }
    const paths = changedPaths(lastApplied(row.live), row.live, row.config);
    expect(paths.length > 0, paths.join(" ")).toBe(row.modified);
  });
});

describe("cases with managed fields", () => {
  it.each([...expected.structuredMergeDiff, ...expected.serverSideDiff])("$name", (row) => {
    const { config, live } = pairOf(row);
    const paths = changedPaths(appliedFromManagedFields(live, "argocd-controller"), live, config);
    if (row.name in DISAGREE) {
      expect(paths).toEqual([]);
      return;
    }
    expect(paths).toEqual(FROM_MANAGED_FIELDS[row.name]);
    expect(paths.length > 0).toBe(row.modified);
  });
});

describe("masked secrets", () => {
  const secret = (data: Record<string, string>): KubeObject => ({
    apiVersion: "v1",
    kind: "Secret",
    metadata: { name: "s" },
    data,
  });

  it.each(expected.secretMasking.cases.filter((row) => row.target !== undefined))("$name", (row) => {
    const { target = {}, live = {}, expectTarget = {}, expectLive = {} } = row;
    const masked = redactPair(secret(live), secret(target));
    const liveData = masked.before?.data as Record<string, string>;
    const targetData = masked.after?.data as Record<string, string>;
    expect(Object.keys(liveData)).toEqual(Object.keys(expectLive));
    expect(Object.keys(targetData)).toEqual(Object.keys(expectTarget));
    for (const key of Object.keys(targetData).filter((name) => name in liveData)) {
      expect(targetData[key] === liveData[key], key).toBe(expectTarget[key] === expectLive[key]);
    }
    expect(JSON.stringify(masked)).not.toContain("test");
  });

  it("masks a last-applied annotation that cannot be read", () => {
    const [row] = expected.secretMasking.cases.filter(({ annotation }) => annotation !== undefined);
    const object = secret({});
    object.metadata.annotations = { [ANNOTATION.lastApplied]: row?.annotation ?? "" };
    expect(redactObject(object).metadata.annotations).toEqual({ [ANNOTATION.lastApplied]: "***" });
  });
});
