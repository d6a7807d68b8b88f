/** Refuses a state directory whose pods are another's: a copy, or one that was moved away under a kubelet that still runs. */
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { Clock } from "../util/clock.ts";
import { parseRecord } from "../util/json.ts";
import type { Random } from "../util/random.ts";
import { claimIdentity } from "../util/state-identity.ts";
import { KubeletClient } from "./client.ts";
import { readIfPresent } from "./files.ts";

/** How long a kubelet that may still run elsewhere has to answer, milliseconds. */
const ANSWER_MS = 2_000;

export interface OwnStateOptions {
  stateDir: string;
  /** Where the kubelet of this directory answers, or is about to. */
  socketPath: string;
  clock: Clock;
  random: Random;
}

/**
 * Makes sure that the pods recorded in a state directory are its own: who takes up a copy would adopt, signal and double
 * the pods of the original.
 *
 * @throws {TrueupError} `conflict` when they are another's; `io` when that cannot be found out
 */
export async function requireOwnState({ stateDir, socketPath, clock, random }: OwnStateOptions): Promise<void> {
  const { standing, original } = claim(stateDir, random);
  if (standing === "copy") {
    throw new TrueupError(
      "conflict",
      `Cannot use the state directory ${stateDir} as its pods must be its own: it is a copy of ${original}.`,
      {
        hint:
          `Use --state ${original}. If the copy is to go on in its place, end that one first ` +
          `(trueup down --state ${original}) and remove it.`,
      },
    );
  }
  const socket = recordedSocket(stateDir);
  if (standing !== "moved" || socket === null || socket === socketPath) return;
  const pid = await answers(socket, clock);
  if (pid === null) return;
  throw new TrueupError(
    "conflict",
    `Cannot use the state directory ${stateDir} as no kubelet must run where it was before: process ${pid} does.`,
    { hint: `Its pods run on when it ends: kill ${pid}, then try again.` },
  );
}

function claim(stateDir: string, random: Random): ReturnType<typeof claimIdentity> {
  try {
    return claimIdentity(stateDir, random);
  } catch (error) {
    throw new TrueupError("io", `Cannot use the state directory ${stateDir}: ${messageOf(error)}`, {
      cause: error,
      hint: "It must be writable and have room; trueup doctor says what else is wrong with it.",
    });
  }
}

/** Where the last kubelet of the directory answered; `null` when there was none, or nobody can tell. */
function recordedSocket(stateDir: string): string | null {
  const text = readIfPresent(join(stateDir, "kubelet", "kubelet.json"));
  if (text === null) return null;
  // It may be cut short, by a full disk say. The lock still keeps two kubelets apart.
  const socket = parseRecord(text)?.socket;
  return typeof socket === "string" ? socket : null;
}

/** Process id of the kubelet that answers on the socket. */
async function answers(socket: string, clock: Clock): Promise<number | null> {
  const client = new KubeletClient(socket);
  const { promise: late, resolve } = Promise.withResolvers<null>();
  const cancel = clock.setTimer(ANSWER_MS, () => resolve(null));
  try {
    return await Promise.race([client.info().then(({ pid }) => pid), late]);
  } catch (error) {
    if (error instanceof TrueupError && error.code === "unavailable") return null;
    throw error;
  } finally {
    cancel();
    client.close();
  }
}
