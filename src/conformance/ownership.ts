/** What must be so of objects that an app, another one or nobody applied. */
import { expect, it } from "vitest";
import type { Backend } from "../model/backend.ts";
import { idOf, type KubeObject } from "../model/object.ts";
import { APP, type Context, codeOf, NO_ABORT, OTHER_APP } from "./context.ts";

export function ownershipCases({ backend, apply, read, names, configMap, home }: Context): void {
  const request = (object: KubeObject, owner: string): Parameters<Backend["delete"]>[0] => ({
    id: idOf(object),
    owner,
  });

  it("refuses another app's object, naming both apps, and leaves it", async () => {
    const { object } = await apply(configMap("a", { x: "1" }));
    const refused = apply(configMap("a", { x: "2" }), OTHER_APP);
    await expect(refused).rejects.toThrow(new RegExp(`${APP}(.|\\n)*${OTHER_APP}|${OTHER_APP}(.|\\n)*${APP}`));
    expect(await codeOf(() => apply(configMap("a", { x: "1" }), OTHER_APP))).toBe("conflict");
    expect((await read(idOf(object)))?.object).toEqual(object);
  });

  it("refuses to take over an object that nobody applied and that differs, and adopts one that is as declared", async () => {
    const namespace = (labels: Record<string, string>): KubeObject => ({
      apiVersion: "v1",
      kind: "Namespace",
      metadata: { name: home(), labels },
    });
    expect(await codeOf(() => apply(namespace({ mine: "yes" })))).toBe("conflict");
    expect((await read(idOf(namespace({}))))?.owner).toBeNull();
    const adopted = await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: home() } });
    expect(adopted.action).toBe("unchanged");
    expect((await read(idOf(namespace({}))))?.owner).toBe(APP);
    expect((await apply(namespace({ mine: "yes" }))).object.metadata.labels).toMatchObject({ mine: "yes" });
  });

  it("takes over an object that nobody applied when it is told to, and none of another app", async () => {
    const desired = { apiVersion: "v1", kind: "Namespace", metadata: { name: home(), labels: { mine: "yes" } } };
    const adopt = { desired, owner: APP, adopt: true };
    expect((await backend().dryRun(adopt, NO_ABORT)).object.metadata.labels).toMatchObject({ mine: "yes" });
    expect((await read(idOf(desired)))?.owner).toBeNull();
    const adopted = await backend().apply(adopt, NO_ABORT);
    expect([adopted.action, adopted.object.metadata.labels]).toEqual([
      "update",
      expect.objectContaining({ mine: "yes" }),
    ]);
    expect((await read(idOf(desired)))?.owner).toBe(APP);
    for (const call of ["dryRun", "apply"] as const) {
      expect(await codeOf(() => backend()[call]({ ...adopt, owner: OTHER_APP }, NO_ABORT))).toBe("conflict");
    }
    const { action } = await backend().apply({ desired: configMap("new", {}), owner: APP, adopt: true }, NO_ABORT);
    expect(action).toBe("create");
  });

  it("refuses to delete what another app, or none, applied", async () => {
    const { object } = await apply(configMap("a", {}));
    expect(await codeOf(() => backend().delete(request(object, OTHER_APP), NO_ABORT))).toBe("forbidden");
    const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: home() } };
    expect(await codeOf(() => backend().delete(request(namespace, APP), NO_ABORT))).toBe("forbidden");
    expect(await names({ kind: "ConfigMap", owner: APP })).toEqual(["a"]);
  });

  it("goes over from the app that gives an object up, and from no other; what only that one had applied goes", async () => {
    const { object } = await apply(configMap("a", { kept: "1", dropped: "1" }));
    const desired = configMap("a", { kept: "1", added: "1" });
    for (const from of [undefined, "nobody", OTHER_APP]) {
      const wrong = { desired, owner: OTHER_APP, ...(from !== undefined && { from }) };
      expect(await codeOf(() => backend().dryRun(wrong, NO_ABORT))).toBe("conflict");
      expect(await codeOf(() => backend().apply(wrong, NO_ABORT))).toBe("conflict");
    }
    const right = { desired, owner: OTHER_APP, from: APP };
    const rehearsed = await backend().dryRun(right, NO_ABORT);
    expect([rehearsed.action, rehearsed.object.data]).toEqual(["update", { kept: "1", added: "1" }]);
    expect((await read(idOf(object)))?.owner).toBe(APP);
    const taken = await backend().apply(right, NO_ABORT);
    expect([taken.action, taken.object.data]).toEqual(["update", { kept: "1", added: "1" }]);
    expect(taken.object.metadata.uid).toBe(object.metadata.uid);
    expect((await read(idOf(object)))?.owner).toBe(OTHER_APP);
    // The former owner has no say any more.
    expect(await codeOf(() => apply(configMap("a", {})))).toBe("conflict");
    expect(await codeOf(() => backend().delete(request(object, APP), NO_ABORT))).toBe("forbidden");
  });
}
