/** What a plan says of the rollouts that it starts. */
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { Change } from "../../src/model/plan.ts";
import { asObjectHash } from "../../src/model/source.ts";
import { forecastChange, forecastText } from "../../src/server/plan-forecast.ts";

function web(spec: string): Declared {
  const text = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec: {${spec}, selector: {matchLabels: {app: web}}, template: {spec: {containers: [{name: web, image: "web:v1"}]}}}
`;
  const [declared] = parseManifestFile({ file: "web.yaml", blob: asObjectHash("b".repeat(40)), text }).declared;
  if (declared === undefined) throw new Error("there is no Deployment in the text");
  return declared;
}

function change(before: string, available: number, after: string, restartsPods = true): Change {
  const { object, id } = web(before);
  const observed = { object: { ...object, status: { availableReplicas: available } }, applied: null, owner: "shop" };
  return { action: "update", id, declared: web(after), observed, fields: [], restartsPods };
}

describe("the forecast of a change", () => {
  it.each([
    ["replicas: 3", 3, "replicas: 3", "its rollout: at most 4 pods at a time, at least 3 available"],
    [
      "replicas: 4",
      4,
      "replicas: 4, strategy: {rollingUpdate: {maxSurge: 0, maxUnavailable: 1}}",
      "its rollout: at most 4 pods at a time, at least 3 available",
    ],
    [
      "replicas: 3",
      3,
      "replicas: 3, strategy: {type: Recreate}",
      "its rollout: at most 3 pods at a time, at least 0 available",
    ],
    ["replicas: 1", 1, "minReadySeconds: 5", "its rollout: at most 2 pods at a time, at least 1 available"],
    [
      "replicas: 2",
      2,
      "replicas: 2, paused: true",
      "its rollout is paused; once resumed: at most 3 pods at a time, at least 2 available",
    ],
    ["replicas: 0", 0, "replicas: 1", "its rollout: at most 1 pod at a time, at least 0 available"],
  ])("of %s, %i available, to %s: %s", (before, available, after, text) => {
    const forecast = forecastChange(change(before, available, after));
    expect(forecast === null ? null : forecastText(forecast)).toBe(text);
  });

  it("is made only where pods of a Deployment are replaced, and of no huge one", () => {
    expect(forecastChange(change("replicas: 3", 3, "replicas: 5", false))).toBeNull();
    expect(forecastChange(change("replicas: 3", 3, "replicas: 5000"))).toBeNull();
    const { observed: _, ...created } = change("replicas: 3", 3, "replicas: 3");
    expect(forecastChange(created)).toBeNull();
  });
});
