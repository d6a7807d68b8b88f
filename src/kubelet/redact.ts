/** Keeps the values of a pod's Secrets out of what others read: events, states, logs of the kubelet. */
import type { PodAssignment } from "../model/kubelet.ts";
import { secretParts, withoutSecrets } from "../util/secret-text.ts";

/** As everywhere else, so that the same words are seen to be the same. */
const MASK = "***";

/**
 * Takes the values of a pod's Secrets out of a text: those of its newest assignment, and those of earlier ones, which a run
 * that began with them still has.
 */
export class Redactor {
  readonly #values = new Set<string>();
  /** Made when asked: most pods never say anything. */
  #parts: string[] | null = null;

  constructor(assignment: PodAssignment) {
    this.add(assignment);
  }

  add({ secrets }: PodAssignment): void {
    for (const data of Object.values(secrets)) for (const value of Object.values(data ?? {})) this.#values.add(value);
    this.#parts = null;
  }

  redact(text: string): string {
    this.#parts ??= secretParts(this.#values);
    return withoutSecrets(text, this.#parts, MASK);
  }
}
