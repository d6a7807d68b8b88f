/** What must be so of pods, where the backend runs any. */
import { expect, it } from "vitest";
import type { ListQuery } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import { controllerOf, idOf, type KubeObject } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import { APP, type Context, NO_ABORT, type RunnablePods, take } from "./context.ts";

interface Counts {
  observedGeneration?: number;
  replicas?: number;
  updatedReplicas?: number;
  availableReplicas?: number;
}

/** Whether a Deployment has reached what is declared: this many pods, all of the newest template, and no others. */
function hasReached({ metadata, status }: KubeObject, replicas: number): boolean {
  const counts = (status ?? {}) as Counts;
  const isSeen = counts.observedGeneration === metadata.generation;
  return (
    isSeen && [counts.replicas, counts.updatedReplicas, counts.availableReplicas].every((n) => (n ?? 0) === replicas)
  );
}

export function podCases(context: Context, { image, says }: RunnablePods): void {
  const { backend, home, apply, list, deployment } = context;
  const ofKind = (kind: string): ListQuery => ({ kind, namespace: home() });

  /** Objects of the query as soon as they are as wanted: looked at again after each change, as anybody who waits does. */
  const until = async (query: ListQuery, holds: (items: Observed[]) => boolean): Promise<Observed[]> => {
    const { items, version } = await list(query);
    if (holds(items)) return items;
    for await (const event of backend().watch(query, version, NO_ABORT)) {
      if (event.type === "bookmark") continue;
      const now = await list(query);
      if (holds(now.items)) return now.items;
    }
    throw new Error("the watch ended");
  };
  const rolledOut = (replicas: number): Promise<Observed[]> =>
    until(ofKind("Deployment"), (items) => items.some(({ object }) => hasReached(object, replicas)));
  const podsThatStay = async (): Promise<KubeObject[]> =>
    (await list(ofKind("Pod"))).items
      .map(({ object }) => object)
      .filter(({ metadata }) => metadata.deletionTimestamp === undefined);

  it("run for a Deployment, made by controllers and applied by nobody", async () => {
    const desired = deployment({ replicas: 2 }, { image });
    const { object } = await apply(desired);
    await rolledOut(2);
    const { items } = await list(ofKind("Pod"));
    expect(items.map(({ owner, applied }) => [owner, applied])).toEqual([
      [null, null],
      [null, null],
    ]);
    const replicaSets = (await list(ofKind("ReplicaSet"))).items.map((observed) => observed.object);
    expect(replicaSets.map((set) => controllerOf(set)?.uid)).toEqual([object.metadata.uid]);
    for (const pod of items) expect(controllerOf(pod.object)?.uid).toBe(replicaSets[0]?.metadata.uid);
    // What controllers wrote of it is no difference.
    expect((await apply(desired)).action).toBe("unchanged");
    expect((await list({ owner: APP })).items.map((observed) => observed.object.kind)).toEqual(["Deployment"]);
  });

  it("are others after the template changed, and fewer after the number did", async () => {
    await apply(deployment({ replicas: 2 }, { image }));
    await rolledOut(2);
    const before = (await podsThatStay()).map(({ metadata }) => metadata.uid);
    await apply(deployment({ replicas: 2 }, { image, env: [{ name: "NEXT", value: "1" }] }));
    await rolledOut(2);
    const after = (await podsThatStay()).map(({ metadata }) => metadata.uid);
    expect([before.length, after.length]).toEqual([2, 2]);
    expect(after.filter((uid) => before.includes(uid))).toEqual([]);
    await apply(deployment({ replicas: 0 }, { image, env: [{ name: "NEXT", value: "1" }] }));
    await rolledOut(0);
    expect(await podsThatStay()).toEqual([]);
  });

  it("end with their Deployment, and one that is deleted alone is made anew", async () => {
    const { object } = await apply(deployment({ replicas: 1 }, { image }));
    await rolledOut(1);
    const [first] = await podsThatStay();
    if (first === undefined) throw new Error("no pod runs");
    await backend().delete({ id: idOf(first) }, NO_ABORT);
    const [second] = await until(ofKind("Pod"), (items) =>
      items.some(({ object: pod }) => pod.metadata.uid !== first.metadata.uid),
    );
    expect(second?.object.metadata.uid).not.toBe(first.metadata.uid);
    await backend().delete({ id: idOf(object), owner: APP }, NO_ABORT);
    expect(await until(ofKind("Pod"), (items) => items.length === 0)).toEqual([]);
  });

  if (says === undefined) return;
  it("tell what their containers print, and go on telling until the signal", async () => {
    await apply(deployment({ replicas: 1 }, { image }));
    await rolledOut(1);
    const [pod] = await podsThatStay();
    const query = { namespace: home(), pod: pod?.metadata.name ?? "" };
    // A container that runs may not have printed it yet.
    if (!backend().capabilities.followLogs) {
      await expect.poll(() => take(backend().logs(query, NO_ABORT), () => false)).toContain(says);
      return;
    }
    const reason = new TrueupError("aborted", "stopped by the test");
    const controller = new AbortController();
    const following = (async () => {
      for await (const line of backend().logs({ ...query, follow: true }, controller.signal)) {
        if (line === says) controller.abort(reason);
      }
    })();
    await expect(following).rejects.toBe(reason);
    expect(await take(backend().logs({ ...query, tail: 1 }, NO_ABORT), () => false)).toEqual([says]);
  });
}
