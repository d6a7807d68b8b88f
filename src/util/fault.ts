/** A hook before and after every effect on the world, so that a test can end a process at each of these moments. */

/** What of the world is changed. Each kind is durable, or seen by others, as soon as it is done. */
export type EffectKind =
  /** One transaction of the cluster's database. */
  | "store write"
  /** One transaction of the ledger. */
  | "ledger append"
  /** An image's directory gets its name. */
  | "image laid down"
  | "image index"
  /** The kubelet's numbered reports: one more, or those that nobody needs dropped. */
  | "journal"
  /** What the kubelet knows of one pod: written, or removed. */
  | "pod record"
  /** The Services and local ports that the kubelet answers for. */
  | "services file"
  | "spawn"
  | "signal"
  /** The proxy sends to other pods, or answers for other Services. */
  | "endpoint change";

/**
 * Called right before and right after an effect. A test throws from here, or kills the process, to see what the next one
 * makes of it; whoever runs in earnest gives none.
 *
 * @param about What of that kind: a file, a pod, a statement; for people
 */
export type Fault = (when: "before" | "after", kind: EffectKind, about: string) => void;

/** Does what has an effect. */
export function effect<T>(fault: Fault | undefined, kind: EffectKind, about: string, work: () => T): T {
  fault?.("before", kind, about);
  const result = work();
  fault?.("after", kind, about);
  return result;
}

/** As `effect`, for what takes a while. */
export async function slowEffect<T>(
  fault: Fault | undefined,
  kind: EffectKind,
  about: string,
  work: () => Promise<T>,
): Promise<T> {
  fault?.("before", kind, about);
  const result = await work();
  fault?.("after", kind, about);
  return result;
}
