/** Objects of many kinds, spelled in many ways: what the server makes of them is no difference, also to a process that did not apply them. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, it } from "vitest";
import { declaration } from "../../src/backend/declaration.ts";
import { sentObject } from "../../src/backend/kubernetes/write-rules.ts";
import { appliedPart } from "../../src/diff/managed-fields.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { planObject } from "../../src/plan/plan.ts";
import { pathOf } from "../support/kubernetes/api.ts";
import { clusterForTests } from "../support/kubernetes/cluster.ts";

const cluster = clusterForTests();
const FILE = join(import.meta.dirname, "../fixtures/defaulting/rich.yaml");
/** Where only the server can tell: of an empty text or a zero, that it stands for what it filled in; it is asked once by each process. */
const ASKED_ONCE = ["Service sv4", "Service sv5", "Deployment d3", "CronJob c2"];
/** What version 1 has in annotations, version 2 has in fields; and admission adds its own tolerations to those of a bare Pod. */
const ASKED = ["HorizontalPodAutoscaler h3", "Pod p1"];

it("stores them so that nothing differs", async () => {
  const namespace = await cluster.namespace("defaults");
  const { declared } = parseManifestFile({
    file: "rich.yaml",
    blob: asObjectHash("a".repeat(40)),
    text: readFileSync(FILE, "utf8"),
    defaultNamespace: namespace,
  });
  expect(declared.length).toBeGreaterThan(50);
  const found: Record<string, unknown> = {};
  for (const each of declared) {
    const { object, id } = each;
    const placed = { ...object, metadata: { ...object.metadata, namespace: id.namespace } };
    const sent = sentObject(id, declaration(placed), "applyset-x-v1", id.namespace !== "");
    // Of versions of autoscalers, one is read: that one has to be there.
    const isReal = object.kind === "HorizontalPodAutoscaler";
    const query = `fieldManager=trueup&fieldValidation=Strict&force=true${isReal ? "" : "&dryRun=All"}`;
    const answer = await cluster.api.request<KubeObject>("PATCH", `${pathOf(sent)}?${query}`, {
      body: sent,
      contentType: "application/apply-patch+yaml",
    });
    const live = isReal ? await cluster.api.get(pathOf(sent).replace("/v1/", "/v2/")) : answer;
    for (const [who, applied] of [
      ["who applied it", declaration(placed)],
      ["who comes later", appliedPart(live, "trueup")],
    ] as const) {
      const change = planObject(each, { object: live, applied, owner: "shop" }, "shop");
      if (change !== null)
        found[`${object.kind} ${object.metadata.name}, to ${who}`] = change.fields.map(({ path }) => path);
    }
  }
  const once = ASKED_ONCE.map((name) => [`${name}, to who comes later`, []]);
  const asked = ASKED.flatMap((name) =>
    ["who applied it", "who comes later"].map((who) => [`${name}, to ${who}`, expect.any(Array)]),
  );
  expect(found).toEqual(Object.fromEntries([...once, ...asked]));
});
