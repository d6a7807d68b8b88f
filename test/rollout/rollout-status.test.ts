import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import { describe, expect, it } from "vitest";
import type { DeploymentStatus } from "../../src/model/workload.ts";
import { rolloutStatus } from "../../src/rollout/rollout-status.ts";
import { deployment } from "./objects.ts";

interface Row {
  name: string;
  in: { generation: number; specReplicas: number; status: DeploymentStatus };
  expect: { message: string; done: boolean };
}

const path = resolve(import.meta.dirname, "../fixtures/kubectl/rollout-status.json");
const { objectName, tables, otherMessages } = JSON.parse(readFileSync(path, "utf8")) as {
  objectName: string;
  tables: { Deployment: Row[] };
  otherMessages: Record<string, string>;
};

describe("rollout status says what kubectl says", () => {
  it.each(tables.Deployment)("$name", ({ in: given, expect: want }) => {
    const of = deployment({ replicas: given.specReplicas }, { name: objectName, generation: given.generation });
    const { message, state } = rolloutStatus({ ...of, status: given.status });
    expect({ message: `${message}\n`, done: state === "done" }).toEqual(want);
    expect(state).not.toBe("failed");
  });

  it("also when the deadline is exceeded", () => {
    const status = {
      observedGeneration: 1,
      conditions: [{ type: "Progressing", status: "False" as const, reason: "ProgressDeadlineExceeded" }],
    };
    const want = otherMessages["progress deadline"]?.replace("NAME", "web").replace(" (error)", "");
    expect(rolloutStatus({ ...deployment(), status })).toEqual({ message: want, state: "failed" });
  });

  it("also when another revision runs, which it looks at first", () => {
    const of = deployment({}, { generation: 9, annotations: { "deployment.kubernetes.io/revision": "3" } });
    const want = otherMessages["revision given and not current"]
      ?.replace("(N)", "(2)")
      .replace("(M)", "(3)")
      .replace(" (error)", "");
    expect(rolloutStatus(of, 2)).toEqual({ message: want, state: "failed" });
    expect(rolloutStatus(of, 3).state).toBe("waiting");
  });
});
