/** What must be so of applying, dry runs and deleting. */
import { expect, it } from "vitest";
import type { ApplyRequest } from "../model/backend.ts";
import { idOf, type KubeObject } from "../model/object.ts";
import { APP, type Context, codeOf, NO_ABORT, OTHER_APP } from "./context.ts";

export function applyCases({ apply, read, names, configMap, deployment, home }: Context): void {
  it("creates, then updates, then leaves as it is", async () => {
    const first = await apply(configMap("a", { x: "1" }));
    const second = await apply(configMap("a", { x: "2" }));
    const third = await apply(configMap("a", { x: "2" }));
    expect([first.action, second.action, third.action]).toEqual(["create", "update", "unchanged"]);
    expect(second.object.metadata.uid).toBe(first.object.metadata.uid);
    expect(third.object.metadata.resourceVersion).toBe(second.object.metadata.resourceVersion);
    expect((await read(idOf(third.object)))?.object.data).toEqual({ x: "2" });
  });

  it("fills in defaults, and a removed field gets its default again", async () => {
    const first = await apply(deployment({ revisionHistoryLimit: 3 }));
    expect(first.object.spec).toMatchObject({ revisionHistoryLimit: 3, progressDeadlineSeconds: 600 });
    const second = await apply(deployment());
    expect(second.action).toBe("update");
    expect(second.object.spec).toMatchObject({ revisionHistoryLimit: 10 });
    expect((await apply(deployment({ revisionHistoryLimit: 10 }))).action).toBe("unchanged");
  });

  it("removes what it applied and is no longer declared, in maps and in lists with keys", async () => {
    const env = [
      { name: "KEEP", value: "1" },
      { name: "DROP", value: "2" },
    ];
    await apply(deployment({}, { env }));
    const { object } = await apply(deployment({}, { env: env.slice(0, 1) }));
    expect(object.spec).toMatchObject({
      template: { spec: { containers: [{ name: "web", env: [{ name: "KEEP", value: "1" }] }] } },
    });

    await apply(configMap("a", { keep: "1", drop: "2" }, { labels: { keep: "1", drop: "2" } }));
    const map = await apply(configMap("a", { keep: "1" }, { labels: { keep: "1" } }));
    // A backend may label what an app owns.
    const { keep, drop } = map.object.metadata.labels ?? {};
    expect([map.object.data, keep, drop]).toEqual([{ keep: "1" }, "1", undefined]);
  });

  it("keeps stringData out of what is stored, and removes its keys too", async () => {
    const secret = (stringData: Record<string, string>): KubeObject => ({
      apiVersion: "v1",
      kind: "Secret",
      metadata: { name: "s", namespace: home() },
      stringData,
    });
    const first = await apply(secret({ a: "x", b: "y" }));
    expect(first.object.data).toEqual({ a: "eA==", b: "eQ==" });
    expect(first.object.stringData).toBeUndefined();
    expect((await apply(secret({ a: "x", b: "y" }))).action).toBe("unchanged");
    expect((await apply(secret({ b: "z" }))).object.data).toEqual({ b: "eg==" });
  });

  it("ignores a declared status and server metadata", async () => {
    const { object } = await apply({
      ...configMap(
        "a",
        {},
        { uid: "mine", resourceVersion: "7", generation: 9, creationTimestamp: "2000-01-01T00:00:00Z" },
      ),
      status: { phase: "Mine" },
    });
    expect(object.metadata.uid).not.toBe("mine");
    expect(object.metadata.creationTimestamp).not.toBe("2000-01-01T00:00:00Z");
    expect(object.status).not.toEqual({ phase: "Mine" });
  });

  it("refuses what the API server refuses, and changes nothing then", async () => {
    const { object } = await apply(deployment());
    const selector = { matchLabels: { app: "other" } };
    const template = {
      metadata: { labels: { app: "other" } },
      spec: { containers: [{ name: "web", image: "web:v1" }] },
    };
    expect(await codeOf(() => apply(deployment({ selector, template })))).toBe("invalid");
    expect(await codeOf(() => apply(configMap("a", {}, { namespace: "not-there" })))).toBe("not-found");
    // Controllers may have written its status meanwhile; what was declared is as it was.
    expect((await read(idOf(object)))?.object.spec).toEqual(object.spec);
    expect(await names({ kind: "ConfigMap", owner: APP })).toEqual([]);
  });
}

export function dryRunCases({ backend, apply, list, configMap }: Context): void {
  const dryRun = (request: ApplyRequest) => backend().dryRun(request, NO_ABORT);

  it("answers as apply would, and changes nothing", async () => {
    await apply(configMap("same", { x: "1" }));
    await apply(configMap("update", { x: "1", y: "1" }));
    const before = await list({ kind: "ConfigMap", owner: APP });
    const rows: [KubeObject, string][] = [
      [configMap("new", { x: "1" }), "create"],
      [configMap("update", { x: "2" }), "update"],
      [configMap("same", { x: "1" }), "unchanged"],
    ];
    for (const [desired, action] of rows) {
      const rehearsed = await dryRun({ desired, owner: APP });
      expect([rehearsed.action, rehearsed.object.data]).toEqual([action, desired.data]);
    }
    expect((await list({ kind: "ConfigMap", owner: APP })).items).toEqual(before.items);
    for (const [desired, action] of rows) expect((await apply(desired)).action).toBe(action);
  });

  it("tries a new object in the place of one that is there, if it can, and leaves that one as it is", async () => {
    await apply({ ...configMap("fixed", { x: "1" }), immutable: true } as KubeObject);
    const before = await list({ kind: "ConfigMap", owner: APP });
    const desired = configMap("fixed", { x: "2" });
    const outcome = await codeOf(() => dryRun({ desired, owner: APP, anew: true }));
    // Who does not know of it says what it would of an update.
    expect(["done", "invalid"]).toContain(outcome);
    expect(await codeOf(() => dryRun({ desired, owner: OTHER_APP, anew: true }))).toBe("conflict");
    expect((await list({ kind: "ConfigMap", owner: APP })).items).toEqual(before.items);
  });

  it("refuses what apply refuses", async () => {
    await apply(configMap("a", {}));
    expect(await codeOf(() => dryRun({ desired: configMap("a", {}), owner: OTHER_APP }))).toBe("conflict");
    expect(await codeOf(() => dryRun({ desired: configMap("b", {}, { namespace: "not-there" }), owner: APP }))).toBe(
      "not-found",
    );
  });
}

export function deleteCases({ backend, apply, read, names, configMap }: Context): void {
  it("is done when the object is gone from lists, and at once when it is not there", async () => {
    const { object } = await apply(configMap("a", {}));
    await backend().delete({ id: idOf(object), owner: APP }, NO_ABORT);
    expect(await names({ kind: "ConfigMap", owner: APP })).toEqual([]);
    await backend().delete({ id: idOf(object), owner: APP }, NO_ABORT);
  });

  it("refuses an object with another uid", async () => {
    const { object } = await apply(configMap("a", {}));
    const again = { id: idOf(object), uid: "another", owner: APP };
    expect(await codeOf(() => backend().delete(again, NO_ABORT))).toBe("conflict");
    expect((await read(idOf(object)))?.object).toEqual(object);
    await backend().delete({ ...again, uid: object.metadata.uid ?? "" }, NO_ABORT);
    expect(await read(idOf(object))).toBeUndefined();
  });

  it("lets a deleted object be made again, as another one", async () => {
    const first = await apply(configMap("a", { x: "1" }));
    await backend().delete({ id: idOf(first.object) }, NO_ABORT);
    const second = await apply(configMap("a", { x: "1" }));
    expect(second.action).toBe("create");
    expect(second.object.metadata.uid).not.toBe(first.object.metadata.uid);
  });
}
