/** Kinds that a target does not run: every object where it would be applied, one word a kind where it is only checked. */
import { describe, expect, it } from "vitest";
import { notRunHere, warnOfKindsNotRunHere } from "../../src/validation/index.ts";
import { declare, lines } from "./declare.ts";

const DECLARED = declare(`apiVersion: v1
kind: ConfigMap
metadata: {name: a}
---
apiVersion: batch/v1
kind: Job
metadata: {name: a}
---
apiVersion: batch/v1
kind: Job
metadata: {name: b}
---
apiVersion: example.com/v1
kind: ConfigMap
metadata: {name: a}
`);
const TARGET = { name: "the test cluster", kinds: ["/ConfigMap", "apps/Deployment"] };
const HINT =
  "(It runs ConfigMap, Deployment. Keep other kinds outside the app's directory, or apply it to a Kubernetes cluster.)";

describe("kinds that a target does not run", () => {
  it("are errors, each, where they would be applied", () => {
    expect(lines(notRunHere(DECLARED, TARGET))).toEqual([
      `6:7 error kind-not-run-here: Cannot apply Job of batch/v1 as the test cluster must run its kind: it does not ${HINT}`,
      `10:7 error kind-not-run-here: Cannot apply Job of batch/v1 as the test cluster must run its kind: it does not ${HINT}`,
      `14:7 error kind-not-run-here: Cannot apply ConfigMap of example.com/v1 as the test cluster must run its kind: it does not ${HINT}`,
    ]);
  });

  it("are one warning a kind where they are checked", () => {
    expect(lines(warnOfKindsNotRunHere(DECLARED, TARGET))).toEqual([
      `6:7 warning kind-not-run-here: Cannot apply Job of batch/v1 on the test cluster, which does not run its kind, nor 1 more of this kind ${HINT}`,
      `14:7 warning kind-not-run-here: Cannot apply ConfigMap of example.com/v1 on the test cluster, which does not run its kind ${HINT}`,
    ]);
  });

  it("do not exist for a target that takes all", () => {
    expect(notRunHere(DECLARED, { name: "Kubernetes", kinds: null })).toEqual([]);
    expect(warnOfKindsNotRunHere(DECLARED, { name: "Kubernetes", kinds: null })).toEqual([]);
  });
});
