/** The longer suites: real daemons, real load, a packed tarball, and the README followed to the letter. One at a time. */
import { defineConfig } from "vitest/config";

export default defineConfig({
  test: {
    include: ["test/long/**/*.test.ts"],
    pool: "forks",
    maxWorkers: 1,
    fileParallelism: false,
    testTimeout: 300_000,
    hookTimeout: 120_000,
    env: { NO_COLOR: "1", TZ: "UTC" },
  },
});
