/** What a failed run printed last, for the message of its state: often the only thing that says why. */
import { messageOf } from "../model/errors.ts";
import type { ContainerLaunch } from "../model/runtime.ts";
import type { ContainerContext } from "./container-record.ts";

/** Kubernetes' limits, where it falls back to logs, are 80 lines and 2 KiB. */
const OUTPUT_LINES = 20;
const OUTPUT_CHARS = 2_048;

/** The last lines, without secret values; when they cannot be read, why. */
export async function lastOutput({ runtime, redact }: ContainerContext, launch: ContainerLaunch): Promise<string> {
  try {
    const lines = await runtime.tail(launch, OUTPUT_LINES);
    return redact(lines.join("\n")).slice(-OUTPUT_CHARS);
  } catch (error) {
    return `its log cannot be read: ${messageOf(error)}`;
  }
}
