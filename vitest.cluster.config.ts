/** The suites against a real Kubernetes control plane, which all of them share. Needs Go, or TRUEUP_TEST_KUBECONFIG. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/real-cluster/**/*.test.ts"],
    globalSetup: ["test/support/kubernetes/global-setup.ts"],
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 120_000,
    hookTimeout: 120_000,
    env: { NO_COLOR: "1", TZ: "UTC" },
  },
});
