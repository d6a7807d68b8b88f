/** Several requests to a backend at a time, where each is a round trip to another machine. */
import type { Backend } from "../model/backend.ts";

const AT_ONCE = 16;

/** How many requests of one app a backend is sent at a time. */
export function widthOf({ capabilities }: Pick<Backend, "capabilities">): number {
  return capabilities.cheapDryRun ? 1 : AT_ONCE;
}

/** Answers in the order of the items; the first failure is thrown, when those that had begun are over. */
export async function inParallel<T, R>(
  items: readonly T[],
  width: number,
  work: (item: T) => Promise<R>,
): Promise<R[]> {
  const answers: R[] = [];
  let next = 0;
  let hasFailed = false;
  const worker = async (): Promise<void> => {
    while (next < items.length && !hasFailed) {
      const at = next++;
      try {
        answers[at] = await work(items[at] as T);
      } catch (error) {
        hasFailed = true;
        throw error;
      }
    }
  };
  const outcomes = await Promise.allSettled(Array.from({ length: Math.min(width, items.length) }, worker));
  const failed = outcomes.find((outcome) => outcome.status === "rejected");
  if (failed !== undefined) throw failed.reason;
  return answers;
}
