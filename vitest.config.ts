/** Test runner settings: every suite is plain Node, in its own process, with no network beyond loopback. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/**/*.test.ts"],
    exclude: ["test/long/**", "test/real-cluster/**", "**/node_modules/**"],
    pool: "forks",
    maxWorkers: 2,
    maxConcurrency: 2,
    testTimeout: 30_000,
    hookTimeout: 30_000,
    env: { NO_COLOR: "1", TZ: "UTC" },
  },
});
