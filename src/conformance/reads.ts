/** What must be so of capabilities, lists and watches. */
import { expect, it } from "vitest";
import type { ListQuery, WatchEvent } from "../model/backend.ts";
import { idOf } from "../model/object.ts";
import { APP, type Context, codeOf, NO_ABORT, OTHER_APP, summary, take } from "./context.ts";

export function capabilityCases({ backend, apply, configMap, deployment, home }: Context): void {
  it("have a name, and name the kinds that can be applied as group/Kind", () => {
    const { capabilities } = backend();
    expect(capabilities.name).not.toBe("");
    for (const kind of capabilities.kinds ?? []) expect(kind).toMatch(/^[a-z0-9.-]*\/[A-Z][A-Za-z]*$/);
  });

  it("are honest about kinds: one that is not named is refused, and the ones used here are not", async () => {
    const { kinds } = backend().capabilities;
    if (kinds !== null) {
      const unknown = {
        apiVersion: "conformance.example/v1",
        kind: "Gadget",
        metadata: { name: "g", namespace: home() },
      };
      expect(kinds).not.toContain("conformance.example/Gadget");
      expect(await codeOf(() => apply(unknown))).toBe("invalid");
    }
    expect((await apply(configMap("a", {}))).action).toBe("create");
    expect((await apply(deployment())).action).toBe("create");
  });
}

export function listCases({ apply, list, names, configMap, home }: Context): void {
  it("says absent only for what is not there", async () => {
    expect((await list({ group: "", kind: "ConfigMap", namespace: home(), name: "none" })).items).toEqual([]);
  });

  it("narrows by kind, group, namespace, name and owner, alone and together", async () => {
    const other = `${home()}-other`;
    await apply({ apiVersion: "v1", kind: "Namespace", metadata: { name: other } });
    await apply(configMap("a", {}));
    await apply(configMap("b", {}), OTHER_APP);
    await apply(configMap("c", {}, { namespace: other }));
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "a", namespace: home() } });
    // What a cluster itself puts into each Namespace is no business of an app.
    const ours = ["a", "b", "c"];
    const rows: [ListQuery, string[]][] = [
      [{ kind: "ConfigMap", owner: APP }, ["a", "c"]],
      [{ kind: "ConfigMap", owner: OTHER_APP }, ["b"]],
      [{ kind: "ConfigMap", owner: "nobody" }, []],
      [{ kind: "ConfigMap", group: "", namespace: other }, ["c"]],
      [{ kind: "ConfigMap", group: "apps" }, []],
      [{ kind: "ConfigMap", name: "a", namespace: home() }, ["a"]],
      [{ namespace: home(), name: "a", owner: APP }, ["a", "a"]],
      [{ group: "", kind: "ConfigMap", namespace: home(), name: "b", owner: APP }, []],
      [{ owner: APP }, ["a", "a", "c", other]],
    ];
    for (const [query, expected] of rows) {
      const found = (await names(query)).filter((name) => ours.includes(name) || query.owner !== undefined);
      expect({ query, found }).toEqual({ query, found: expected });
    }
  });

  it("tells who applied an object and what was applied", async () => {
    await apply(configMap("a", { x: "1" }));
    const { items, version } = await list({ kind: "ConfigMap", namespace: home(), name: "a" });
    expect(version).not.toBe("");
    expect(items).toHaveLength(1);
    expect(items[0]?.owner).toBe(APP);
    expect(items[0]?.applied).toMatchObject({ kind: "ConfigMap", metadata: { name: "a" }, data: { x: "1" } });
    const [namespace] = (await list({ kind: "Namespace", name: home() })).items;
    expect([namespace?.owner, namespace?.applied]).toEqual([null, null]);
  });
}

export function watchCases({ backend, apply, list, configMap, home }: Context): void {
  const watch = (query: ListQuery, version: string, signal = NO_ABORT) => backend().watch(query, version, signal);
  const isBookmark = (event: WatchEvent): boolean => event.type === "bookmark";

  it("misses nothing after a list, in order, and then says that it has caught up", async () => {
    await apply(configMap("before", {}));
    const { version } = await list({ kind: "ConfigMap" });
    await apply(configMap("a", { x: "1" }));
    await apply(configMap("a", { x: "2" }));
    await backend().delete({ id: idOf(configMap("a", {})) }, NO_ABORT);
    const events = await take(watch({ kind: "ConfigMap", owner: APP }, version), isBookmark);
    expect(events.map(summary)).toEqual(["added a", "modified a", "deleted a", "bookmark"]);
    expect(events[1]).toMatchObject({
      observed: { owner: APP, object: { data: { x: "2" } }, applied: { data: { x: "2" } } },
    });
  });

  it("goes on with what comes later, and can be resumed from any event's version", async () => {
    const { version } = await list({});
    const query = { kind: "ConfigMap", owner: APP };
    const changes = (async () => {
      for (const name of ["a", "b", "c"]) await apply(configMap(name, {}));
    })();
    const seen = await take(watch(query, version), (event) => summary(event) === "added c");
    await changes;
    const added = seen.filter((event) => !isBookmark(event));
    expect(added.map(summary)).toEqual(["added a", "added b", "added c"]);
    const rest = await take(watch(query, added[0]?.version ?? ""), (event) => summary(event) === "added c");
    expect(rest.filter((event) => !isBookmark(event)).map(summary)).toEqual(["added b", "added c"]);
  });

  it("sends only what is asked for", async () => {
    const { version } = await list({});
    await apply(configMap("a", {}));
    await apply(configMap("b", {}), OTHER_APP);
    await apply({ apiVersion: "v1", kind: "Secret", metadata: { name: "c", namespace: home() } });
    for (const [query, expected] of [
      [{ kind: "ConfigMap", owner: OTHER_APP }, ["added b", "bookmark"]],
      [{ kind: "ConfigMap", namespace: home(), name: "a" }, ["added a", "bookmark"]],
      [{ kind: "Secret", namespace: home(), owner: APP }, ["added c", "bookmark"]],
    ] as [ListQuery, string[]][]) {
      expect((await take(watch(query, version), isBookmark)).map(summary)).toEqual(expected);
    }
  });

  it("fails with not-found for a version that it cannot go on from", async () => {
    expect(await codeOf(() => take(watch({}, "no-such-version"), isBookmark))).toBe("not-found");
  });
}
