/** Keeps the values of a pod's Secrets out of what others read: events, states, logs of the kubelet. */
import type { PodAssignment } from "../model/kubelet.ts";

/** Secret values shorter than this would turn every text into dots. */
const SHORTEST_SECRET = 4;

/** A function that replaces every value of the pod's Secrets in a text. */
export function redactor({ secrets }: PodAssignment): (text: string) => string {
  const values = Object.values(secrets).flatMap((data) => Object.values(data ?? {}));
  // Longest first: one value may be part of another.
  const known = values.filter(({ length }) => length >= SHORTEST_SECRET).sort((a, b) => b.length - a.length);
  return (text) => known.reduce((rest, secret) => rest.replaceAll(secret, "[redacted]"), text);
}
