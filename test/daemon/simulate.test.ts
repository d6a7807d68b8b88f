/** Simulated rollouts, read by eye: manifests in, timeline out. */
import { expect, it } from "vitest";
import { simulateRollout } from "../../src/daemon/simulate.ts";
import { parseScenario } from "../../src/kubelet/scenario.ts";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { RolloutForecast } from "../../src/model/rollout.ts";
import { asCommitId, asObjectHash } from "../../src/model/source.ts";

const COMMIT = asCommitId("a".repeat(40));

function web(image: string, spec = "replicas: 3"): readonly Declared[] {
  const text = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  ${spec}
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      containers: [{name: web, image: "${image}", readinessProbe: {tcpSocket: {port: 80}, periodSeconds: 1}}]
`;
  const { declared, diagnostics } = parseManifestFile({ file: "web.yaml", blob: asObjectHash("b".repeat(40)), text });
  expect(diagnostics).toEqual([]);
  return declared;
}

it("runs init containers to their end first", async () => {
  const withInit = (image: string): readonly Declared[] =>
    web(image, "replicas: 3").map((declared) => {
      const object = structuredClone(declared.object) as unknown as {
        spec: { template: { spec: { initContainers?: object[] } } };
      };
      object.spec.template.spec.initContainers = [{ name: "init", image: "init:v1" }];
      return { ...declared, object: object as unknown as Declared["object"] };
    });
  const forecast = await simulate(withInit("web:v1"), withInit("web:v2"));
  expect(forecast).toMatchObject({ outcome: "complete", lowestAvailable: 3, peakPods: 4 });
  // Each of the three new pods starts its init container (0.3 s), which works for 0.5 s, and then as long again.
  expect(forecast.durationMs).toBeGreaterThanOrEqual(3 * 1_600);
});

function simulate(
  before: readonly Declared[],
  after: readonly Declared[],
  scenario: unknown = {},
): Promise<RolloutForecast> {
  return simulateRollout({ before, after, commit: COMMIT, scenario: parseScenario(scenario), limitMs: 7_200_000 });
}

/** Steps by name only: pods and ReplicaSets renamed in the order of their appearance. */
function steps({ samples }: RolloutForecast): string[] {
  const names = new Map<string, string>();
  const rename = (name: string): string => {
    const known = names.get(name) ?? String.fromCharCode(65 + names.size);
    names.set(name, known);
    return known;
  };
  return samples
    .filter(({ message }) => message.startsWith("Scaled"))
    .map(
      ({ message, pods, available }) =>
        `${message.replaceAll(/web-\S+/g, rename)} (${pods} pods, ${available} available)`,
    );
}

it("replaces three pods one at a time: the tutorial's rollout", async () => {
  const forecast = await simulate(web("web:v1"), web("web:v2"));
  expect(steps(forecast).map((step) => step.replace(/ \(.*/, ""))).toEqual([
    "Scaled up replica set A from 0 to 1",
    "Scaled down replica set B from 3 to 2",
    "Scaled up replica set A from 1 to 2",
    "Scaled down replica set B from 2 to 1",
    "Scaled up replica set A from 2 to 3",
    "Scaled down replica set B from 1 to 0",
  ]);
  const { peakPods, lowestAvailable, outcome, reason } = forecast;
  expect({ peakPods, lowestAvailable, outcome, reason }).toEqual({
    peakPods: 4,
    lowestAvailable: 3,
    outcome: "complete",
    reason: "",
  });
});

it("gives the same forecast for the same input", async () => {
  const scenario = { seed: 7, containers: [{ image: "*", startMs: [100, 900], readyMs: [100, 4000] }] };
  const first = await simulate(web("web:v1"), web("web:v2"), scenario);
  expect(await simulate(web("web:v1"), web("web:v2"), scenario)).toEqual(first);
});

it("says why a rollout gets stuck, and that the old pods go on", async () => {
  const scenario = { containers: [{ image: "web:v2", exit: { afterMs: 100, code: 3 } }] };
  const forecast = await simulate(web("web:v1"), web("web:v2"), scenario);
  expect(forecast.outcome).toBe("stuck");
  expect(forecast.reason).toMatch(/exceeded its progress deadline/);
  expect(forecast.reason).toMatch(/exit code 3|CrashLoopBackOff/);
  expect(forecast.lowestAvailable).toBe(3);
  expect(forecast.peakPods).toBe(4);
});

it("stops everything before it starts anything with Recreate", async () => {
  const recreate = "replicas: 2\n  strategy: {type: Recreate}";
  const forecast = await simulate(web("web:v1", recreate), web("web:v2", recreate));
  expect(steps(forecast).map((step) => step.replace(/ \(.*/, ""))).toEqual([
    "Scaled down replica set A from 2 to 0",
    "Scaled up replica set B from 0 to 2",
  ]);
  expect({ peak: forecast.peakPods, lowest: forecast.lowestAvailable }).toEqual({ peak: 2, lowest: 0 });
});

it("starts from nothing when there is nothing before", async () => {
  const forecast = await simulate([], web("web:v1"));
  expect(steps(forecast).length).toBe(1);
  expect(forecast.outcome).toBe("complete");
});

it("follows a scale-down to the end of the last pod", async () => {
  const forecast = await simulate(web("web:v1"), web("web:v1", "replicas: 1"));
  expect(steps(forecast).map((step) => step.replace(/ \(.*/, ""))).toEqual(["Scaled down replica set A from 3 to 1"]);
  expect(forecast.samples.filter(({ message }) => message.endsWith("has ended")).length).toBe(2);
  expect({ peak: forecast.peakPods, lowest: forecast.lowestAvailable }).toEqual({ peak: 3, lowest: 1 });
});
