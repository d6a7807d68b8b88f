/** The decisions behind the committing commands: images, revisions, and what else changed. */
import { describe, expect, it } from "vitest";
import { planImages, readAssignment } from "../../../src/cli/change/images.ts";
import { chooseRevision } from "../../../src/cli/change/revision.ts";
import { describeChanges } from "../../../src/cli/change/since.ts";
import { parseFiles } from "../../../src/cli/manifests.ts";
import type { RevisionRecord } from "../../../src/model/ledger.ts";
import { asCommitId, asObjectHash } from "../../../src/model/source.ts";
import type { PodTemplate } from "../../../src/model/workload.ts";

describe("set image", () => {
  const accepted: [word: string, container: string, image: string][] = [
    ["web=web:v2", "web", "web:v2"],
    ["*=web:v2", "*", "web:v2"],
    ["web=reg.example:5000/team/web:v2", "web", "reg.example:5000/team/web:v2"],
    [`web=web@sha256:${"a".repeat(64)}`, "web", `web@sha256:${"a".repeat(64)}`],
    [`web=web:latest@sha256:${"a".repeat(64)}`, "web", `web:latest@sha256:${"a".repeat(64)}`],
  ];
  it.each(accepted)("takes %s", (word, container, image) => {
    expect(readAssignment(word)).toEqual({ container, image });
  });

  const refused: [word: string, code: string][] = [
    ["web", "usage"],
    ["=web:v2", "usage"],
    ["web=", "usage"],
    ["web=web:v 2", "usage"],
    ["web=-rf", "usage"],
    ["web=web", "invalid"],
    ["web=reg.example:5000/web", "invalid"],
    ["web=web:latest", "invalid"],
  ];
  it.each(refused)("refuses %s as %s", (word, code) => {
    expect(() => readAssignment(word)).toThrow(expect.objectContaining({ code }));
  });

  const template: PodTemplate = {
    spec: {
      initContainers: [{ name: "prepare", image: "tool:v1" }],
      containers: [{ name: "web", image: "web:v1" }, { name: "log" }],
    },
  };
  const path = (field: string, index: number): (string | number)[] => [
    "spec",
    "template",
    "spec",
    field,
    index,
    "image",
  ];
  const cases: [title: string, words: string[], edits: [(string | number)[], string][], images: string[]][] = [
    ["one container", ["web=web:v2"], [[path("containers", 0), "web:v2"]], ["web:v2"]],
    ["one that has no image yet", ["log=log:v1"], [[path("containers", 1), "log:v1"]], ["log:v1"]],
    ["an init container", ["prepare=tool:v2"], [[path("initContainers", 0), "tool:v2"]], ["tool:v2"]],
    ["none that has the image already", ["web=web:v1"], [], ["web:v1"]],
    ["the last word on a container", ["web=web:v2", "web=web:v3"], [[path("containers", 0), "web:v3"]], ["web:v3"]],
    [
      "all but those named after",
      ["*=all:v1", "web=web:v2"],
      [
        [path("containers", 0), "web:v2"],
        [path("containers", 1), "all:v1"],
        [path("initContainers", 0), "all:v1"],
      ],
      ["web:v2", "all:v1"],
    ],
  ];
  it.each(cases)("changes %s", (_title, words, edits, images) => {
    expect(planImages(template, words.map(readAssignment))).toEqual({
      edits: edits.map(([at, value]) => ({ op: "set", path: at, value })),
      images,
    });
  });

  it("names the containers when one is not among them", () => {
    expect(() => planImages(template, [readAssignment("db=db:v1")])).toThrow(
      expect.objectContaining({ code: "not-found", hint: "Containers: web, log, prepare." }),
    );
  });
});

describe("rollout undo goes to", () => {
  function records(...hashes: string[]): RevisionRecord[] {
    return hashes.map((templateHash, index) => ({
      app: "shop",
      target: "local",
      workload: "apps/Deployment/default/web",
      uid: "u",
      revision: index + 1,
      commit: asCommitId(String(index + 1).repeat(40)),
      authorName: "",
      authorEmail: "",
      subject: "",
      file: "",
      template: {},
      templateHash,
      images: {},
      planDigest: "",
      startedAt: "",
    }));
  }
  const cases: [title: string, hashes: string[], current: number, wanted: number, revision: number][] = [
    ["the one before", ["a", "b", "c"], 3, 0, 2],
    ["the one before, when an undo made the first the third", ["a", "b", "a"], 3, 0, 2],
    ["past revisions of the same template", ["a", "b", "b", "b"], 4, 0, 1],
    ["the one before the one that runs, not before the newest row", ["a", "b", "c"], 2, 0, 1],
    ["the one before the highest when what runs is not recorded", ["a", "b"], 0, 0, 1],
    ["the one asked for", ["a", "b", "c"], 3, 1, 1],
    ["the one that runs, when asked for", ["a", "b"], 2, 2, 2],
  ];
  it.each(cases)("%s", (_title, hashes, current, wanted, revision) => {
    expect(chooseRevision("web", records(...hashes).toReversed(), current, wanted).revision).toBe(revision);
  });

  const failures: [title: string, hashes: string[], current: number, wanted: number, message: string][] = [
    ["nothing is recorded", [], 0, 0, 'no rollout history found for deployment "web"'],
    ["there is none before", ["a"], 1, 0, 'no rollout history found for deployment "web"'],
    ["all are the same", ["a", "a"], 2, 0, 'no rollout history found for deployment "web"'],
    ["the one asked for is not there", ["a", "b"], 2, 9, "unable to find specified revision 9 in history"],
  ];
  it.each(failures)("nowhere when %s", (_title, hashes, current, wanted, message) => {
    expect(() => chooseRevision("web", records(...hashes), current, wanted)).toThrow(
      expect.objectContaining({ code: "not-found", message }),
    );
  });
});

describe("what else changed", () => {
  const blob = asObjectHash("0".repeat(40));
  const declare = (text: string): ReturnType<typeof parseFiles>["declared"] =>
    parseFiles([{ file: "a.yaml", blob, text }], "default").declared;
  const web = (replicas: number, image: string): string =>
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec: { replicas: ${replicas}, selector: {}, template: { spec: { containers: [{ name: web, image: "${image}" }] } } }\n`;
  const undone = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };
  const secret = (value: string): string =>
    `---\napiVersion: v1\nkind: Secret\nmetadata: { name: db }\nstringData: { password: ${value} }\n`;

  it("leaves the undone pod template out, and its other fields in", () => {
    expect(describeChanges(declare(web(3, "web:v1")), declare(web(3, "web:v2")), undone)).toEqual([]);
    expect(describeChanges(declare(web(3, "web:v1")), declare(web(5, "web:v2")), undone)).toEqual([
      "deployment/web: spec.replicas was 3, is 5",
    ]);
  });

  it("names what came, what went, and never a secret value", () => {
    const before = declare(`${web(3, "web:v1")}${secret("hunter2")}`);
    const after = declare(
      `${web(3, "web:v1")}${secret("hunter3")}---\napiVersion: v1\nkind: Namespace\nmetadata: { name: extra }\n`,
    );
    const lines = describeChanges(before, after, undone);
    expect(lines).toHaveLength(2);
    expect(lines.join("\n")).toContain("namespace/extra: is new since then");
    expect(lines.join("\n")).toContain("secret/db: ");
    expect(lines.join("\n")).not.toMatch(/hunter/);
    expect(describeChanges(after, before, undone)).toContain("namespace/extra: was removed since then");
  });
});
