/** Vitest's door to the shared cluster: started before the first test file, told to all of them, ended after the last. */
import type { TestProject } from "vitest/node";
import { type SharedCluster, startCluster } from "./running.ts";

declare module "vitest" {
  interface ProvidedContext {
    cluster: SharedCluster;
  }
}

export default async function setup(project: TestProject): Promise<() => Promise<void>> {
  const { shared, stop } = await startCluster();
  project.provide("cluster", shared);
  return stop;
}
