/** One command beside a container, for exec probes and hooks: same environment and directory, with a deadline. */
import { spawn } from "node:child_process";
import { messageOf } from "../model/errors.ts";
import type { ProbeOutcome } from "../model/runtime.ts";
import type { Clock } from "../util/clock.ts";
import { requireDescriptors } from "../util/descriptors-left.ts";
import { signalGroup } from "./signal.ts";
import { goDuration } from "./status.ts";

/** How much of its output is kept for the message: as the kubelet does. */
const OUTPUT_BYTES = 10 * 1024;

/** How long output is waited for after the command has ended, should something it left hold the pipe open, milliseconds. */
const OUTPUT_WAIT_MS = 100;

export interface CommandOptions {
  clock: Clock;
  file: string;
  argv: readonly string[];
  cwd: string;
  env: Readonly<Record<string, string>>;
  timeoutMs: number;
}

/** Runs it; exit code 0 is a success. Its group is killed when it has ended or the time is up. */
export function runCommand({ clock, file, argv, cwd, env, timeoutMs }: CommandOptions): Promise<ProbeOutcome> {
  try {
    requireDescriptors();
  } catch (error) {
    return Promise.resolve({ ok: false, message: messageOf(error) });
  }
  return new Promise((resolve) => {
    const child = spawn(file, argv.slice(1), {
      argv0: argv[0] ?? file,
      cwd,
      env: { ...env },
      detached: true,
      shell: false,
      stdio: ["ignore", "pipe", "pipe"],
    });
    let output = Buffer.alloc(0);
    const collect = (chunk: Buffer): void => {
      if (output.length < OUTPUT_BYTES) output = Buffer.concat([output, chunk]).subarray(0, OUTPUT_BYTES);
    };
    let running = true;
    const killGroup = (): void => {
      if (running && child.pid !== undefined) signalGroup(child.pid, "SIGKILL");
      running = false;
    };
    const finish = (outcome: ProbeOutcome): void => {
      cancel();
      killGroup();
      child.stdout.destroy();
      child.stderr.destroy();
      resolve(outcome);
    };
    const cancel = clock.setTimer(timeoutMs, () =>
      finish({
        ok: false,
        message: `command timed out: ${JSON.stringify(argv.join(" "))} timed out after ${goDuration(timeoutMs)}`,
      }),
    );
    child.stdout.on("data", collect);
    child.stderr.on("data", collect);
    child.once("error", (error) => finish({ ok: false, message: error.message }));
    child.once("exit", (code, signal) => {
      killGroup();
      const done = (): void => {
        if (code === 0) finish({ ok: true, message: "" });
        else finish({ ok: false, message: output.toString("utf8").trim() || describeEnd(code, signal) });
      };
      const give = clock.setTimer(OUTPUT_WAIT_MS, done);
      child.once("close", () => {
        give();
        done();
      });
    });
  });
}

function describeEnd(code: number | null, signal: NodeJS.Signals | null): string {
  return signal === null ? `command failed with exit code ${code}` : `command ended by ${signal}`;
}
