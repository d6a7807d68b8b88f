/** Bounded calls: a backend that never answers is a timeout with its reason, on a virtual clock. */
import { describe, expect, it } from "vitest";
import type { Backend } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { BoundedBackend } from "../../src/reconcile/bounded-backend.ts";
import { settle, VirtualClock } from "../../src/util/clock.ts";
import { Turns } from "../../src/util/turns.ts";
import { configMap } from "../plan/declared.ts";

const never = (): Promise<never> => new Promise(() => {});
const stream = { [Symbol.asyncIterator]: () => ({ next: never }) };
const silent: Backend = {
  capabilities: { name: "silent", cheapDryRun: true, localImages: true, followLogs: true, kinds: null },
  list: never,
  dryRun: never,
  apply: never,
  delete: never,
  watch: () => stream,
  logs: () => stream,
};
const request = { desired: configMap("c"), owner: "shop" };
const id = { group: "", kind: "ConfigMap", namespace: "default", name: "c" };
const { signal } = new AbortController();

it("does not count the time in which a write waits for others of its own", async () => {
  const clock = new VirtualClock();
  const turns = new Turns(1);
  const before = Promise.withResolvers<void>();
  const running = turns.run(signal, () => before.promise);
  const late = new BoundedBackend(silent, clock, turns).apply(request, signal).catch((thrown: TrueupError) => thrown);
  await clock.advance(60_000);
  before.resolve();
  await running;
  await settle();
  let code = "";
  void late.then((thrown) => {
    code = thrown instanceof TrueupError ? thrown.code : "none";
  });
  await clock.advance(29_999);
  await settle();
  expect(code).toBe("");
  await clock.advance(1);
  await late;
  expect(code).toBe("timeout");
});

describe("a backend that never answers", () => {
  const rows: { name: string; call: (backend: Backend) => Promise<unknown>; seconds: number; what: string }[] = [
    { name: "list", call: (backend) => backend.list({}, signal), seconds: 60, what: "list the objects" },
    {
      name: "list of a kind",
      call: (backend) => backend.list({ kind: "Pod" }, signal),
      seconds: 60,
      what: "list the Pod objects",
    },
    { name: "dry run", call: (backend) => backend.dryRun(request, signal), seconds: 30, what: "try configmap/c" },
    { name: "apply", call: (backend) => backend.apply(request, signal), seconds: 30, what: "apply configmap/c" },
    { name: "delete", call: (backend) => backend.delete({ id }, signal), seconds: 600, what: "delete configmap/c" },
    {
      name: "delete with a grace period",
      call: (backend) => backend.delete({ id, gracePeriodSeconds: 5 }, signal),
      seconds: 65,
      what: "delete configmap/c",
    },
  ];
  it.each(rows)("fails a $name after $seconds s", async ({ call, seconds, what }) => {
    const clock = new VirtualClock();
    let error: unknown;
    const done = call(new BoundedBackend(silent, clock)).catch((thrown: unknown) => {
      error = thrown;
    });
    await clock.advance(seconds * 1_000 - 1);
    await settle();
    expect(error).toBeUndefined();
    await clock.advance(1);
    // A deletion that is late is looked at, to say why.
    if (what.startsWith("delete")) await clock.advance(5_000);
    await done;
    expect(error).toBeInstanceOf(TrueupError);
    expect((error as TrueupError).code).toBe("timeout");
    expect((error as TrueupError).message).toBe(
      `Cannot ${what} as the silent backend must be done within ${seconds} s: it was not.`,
    );
  });

  it("may be silent on a watch and on logs: they are streams", () => {
    const backend = new BoundedBackend(silent, new VirtualClock());
    expect(backend.watch({}, "1", signal)).toBe(stream);
    expect(backend.logs({ namespace: "default", pod: "p" }, signal)).toBe(stream);
    expect(backend.capabilities).toBe(silent.capabilities);
  });
});

describe("a deletion that is not done in time", () => {
  const lateBecause = async (object: KubeObject, list?: Backend["list"]): Promise<TrueupError> => {
    const clock = new VirtualClock();
    const items = [{ object, applied: null, owner: null }];
    const backend = new BoundedBackend({ ...silent, list: list ?? (async () => ({ items, version: "1" })) }, clock);
    let error: unknown;
    const done = backend.delete({ id, gracePeriodSeconds: 0 }, signal).catch((thrown: unknown) => {
      error = thrown;
    });
    await clock.advance(60_000);
    await settle();
    await clock.advance(5_000);
    await done;
    return error as TrueupError;
  };
  const condition = (type: string, status: string, message: string): object => ({ type, status, message });

  it.each<[string, KubeObject, string]>([
    ["its finalizers", configMap("c", {}, { finalizers: ["a/b", "c/d"] }), "it is kept by finalizer a/b, c/d."],
    ["nothing that can be seen", configMap("c"), "it was not."],
    [
      "what is left in a Namespace",
      {
        apiVersion: "v1",
        kind: "Namespace",
        metadata: { name: "shop" },
        spec: { finalizers: ["kubernetes"] },
        status: {
          conditions: [
            condition("NamespaceContentRemaining", "True", "Some resources are remaining: widgets. has 1 instance"),
            condition("NamespaceDeletionContentFailure", "False", "All content successfully deleted"),
          ],
        },
      },
      "it is kept by finalizer kubernetes; Some resources are remaining: widgets. has 1 instance.",
    ],
  ])("names %s", async (_, object, why) => {
    const error = await lateBecause(object);
    expect([error.code, error.message]).toEqual([
      "timeout",
      `Cannot delete configmap/c as the silent backend must be done within 60 s: ${why}`,
    ]);
  });

  it("is late all the same when it cannot be looked at", async () => {
    const away = new TrueupError("unavailable", "away");
    const error = await lateBecause(configMap("c"), () => Promise.reject(away));
    expect(error.message).toMatch(/it was not\.$/);
  });
});
