/** The guard of a state directory passes on whatever a backend is asked, and only once the cluster is known to be the right one. */
import { describe, expect, it } from "vitest";
import { GuardedBackend, SameCluster } from "../../src/daemon/same-cluster.ts";
import type { Backend } from "../../src/model/backend.ts";
import type { KubeObject } from "../../src/model/object.ts";

const SIGNAL = new AbortController().signal;
const OBJECT: KubeObject = { apiVersion: "v1", kind: "ConfigMap", metadata: { name: "a", namespace: "default" } };
const ID = { group: "", kind: "ConfigMap", namespace: "default", name: "a" };

/** Says by whom it was asked, after the name of what was asked. */
function recording(asked: string[]): Backend {
  const ask = async <T>(what: string, answer: T): Promise<T> => {
    asked.push(what);
    return answer;
  };
  return {
    capabilities: { name: "recording", kinds: null },
    isNamespaced: () => ask("isNamespaced", false),
    list: () => ask("list", { items: [], version: "1" }),
    async *watch() {
      yield await ask("watch", { type: "bookmark", version: "1" });
    },
    dryRun: () => ask("dryRun", { action: "create", object: OBJECT }),
    apply: () => ask("apply", { action: "create", object: OBJECT }),
    delete: () => ask("delete", undefined),
    async *logs() {
      yield await ask("logs", "line");
    },
  } as unknown as Backend;
}

async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const found: T[] = [];
  for await (const each of source) found.push(each);
  return found;
}

const CALLS: [string, (backend: Backend) => Promise<unknown>, unknown][] = [
  ["isNamespaced", async (backend) => backend.isNamespaced?.({ group: "example.org", kind: "Widget" }, SIGNAL), false],
  ["list", (backend) => backend.list({}, SIGNAL), { items: [], version: "1" }],
  ["watch", (backend) => all(backend.watch({}, "1", SIGNAL)), [{ type: "bookmark", version: "1" }]],
  [
    "dryRun",
    (backend) => backend.dryRun({ desired: OBJECT, owner: "a" }, SIGNAL),
    { action: "create", object: OBJECT },
  ],
  ["apply", (backend) => backend.apply({ desired: OBJECT, owner: "a" }, SIGNAL), { action: "create", object: OBJECT }],
  ["delete", (backend) => backend.delete({ id: ID }, SIGNAL), undefined],
  ["logs", (backend) => all(backend.logs({ namespace: "default", pod: "a" }, SIGNAL)), ["line"]],
];

function guarded(known: string | undefined, asked: string[], inner = recording(asked)): GuardedBackend {
  const identify = async (): Promise<string> => {
    asked.push("identify");
    return "one";
  };
  const onIdentified = async (): Promise<void> => {};
  const place = { name: "staging", server: "https://server", stateDir: "state" };
  return new GuardedBackend(inner, new SameCluster({ identify, known, ...place, onIdentified }));
}

describe("a guarded backend", () => {
  it.each(CALLS)("passes %s on, after the cluster has said who it is", async (name, call, answer) => {
    const asked: string[] = [];
    const backend = guarded("one", asked);
    expect([await call(backend), await call(backend)]).toEqual([answer, answer]);
    expect(asked).toEqual(["identify", name, name]);
  });

  it.each(CALLS)("asks another cluster nothing by %s", async (_name, call) => {
    const asked: string[] = [];
    await expect(call(guarded("another", asked))).rejects.toMatchObject({ code: "forbidden" });
    expect(asked).toEqual(["identify"]);
  });

  it("knows no scopes where the backend knows none", async () => {
    const asked: string[] = [];
    const { isNamespaced: _none, ...inner } = recording(asked);
    const backend = guarded("one", asked, inner);
    expect(await backend.isNamespaced({ group: "example.org", kind: "Widget" }, SIGNAL)).toBeNull();
  });
});
