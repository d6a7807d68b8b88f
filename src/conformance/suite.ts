/**
 * What every backend must do, as tests that anybody can run against theirs; the package exports it as `trueup/conformance`.
 *
 *     backendConformance("mine", async () => ({ backend, close }));
 *
 * A backend may lack a capability; it says so in its capabilities, and the cases that need it then check that it refuses.
 */
import { afterEach, beforeEach, describe } from "vitest";
import { type BackendUnderTest, contextOf, type RunnablePods } from "./context.ts";
import { failureCases } from "./failures.ts";
import { ownershipCases } from "./ownership.ts";
import { podCases } from "./pods.ts";
import { capabilityCases, listCases, watchCases } from "./reads.ts";
import { applyCases, deleteCases, dryRunCases } from "./writes.ts";

export type { BackendUnderTest, RunnablePods } from "./context.ts";

/**
 * Defines the suite. Call it at the top level of a test file that Vitest runs.
 *
 * @param name Of the backend, for the report
 * @param makeBackend Makes a new, empty one for each test
 * @param options.pods How its pods run, which adds the cases about pods; absent: it runs none
 */
export function backendConformance(
  name: string,
  makeBackend: () => Promise<BackendUnderTest>,
  { pods }: { pods?: RunnablePods } = {},
): void {
  describe(`backend ${name}`, () => {
    let current: BackendUnderTest;
    let isOpen = false;
    const close = async (): Promise<void> => {
      if (isOpen) await current.close();
      isOpen = false;
    };
    beforeEach(async () => {
      current = await makeBackend();
      isOpen = true;
    });
    afterEach(close);

    const context = contextOf(() => current, close);
    describe("capabilities", () => capabilityCases(context));
    describe("list", () => listCases(context));
    describe("apply", () => applyCases(context));
    describe("ownership", () => ownershipCases(context));
    describe("dry run", () => dryRunCases(context));
    describe("delete", () => deleteCases(context));
    describe("watch", () => watchCases(context));
    describe("abort and failure", () => failureCases(context));
    if (pods !== undefined) describe("pods", () => podCases(context, pods));
  });
}
