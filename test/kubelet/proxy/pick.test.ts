import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { BackendSet, type Member } from "../../../src/kubelet/proxy/backend-set.ts";
import { pickNext, turnsOnJoining } from "../../../src/kubelet/proxy/pick.ts";
import type { ProxyBackend } from "../../../src/kubelet/proxy-contract.ts";

describe("pickNext", () => {
  const table: { name: string; candidates: [string, number, number][]; passOver: string[]; picked?: string }[] = [
    { name: "nobody of nobody", candidates: [], passOver: [], picked: undefined },
    { name: "the only one", candidates: [["a", 7, 3]], passOver: [], picked: "a" },
    {
      name: "the first of equals",
      candidates: [
        ["a", 1, 0],
        ["b", 1, 0],
      ],
      passOver: [],
      picked: "a",
    },
    {
      name: "who had fewer turns",
      candidates: [
        ["a", 2, 0],
        ["b", 1, 0],
      ],
      passOver: [],
      picked: "b",
    },
    {
      name: "fewer turns before less work",
      candidates: [
        ["a", 2, 0],
        ["b", 1, 9],
      ],
      passOver: [],
      picked: "b",
    },
    {
      name: "less work in the same round",
      candidates: [
        ["a", 1, 2],
        ["b", 1, 1],
      ],
      passOver: [],
      picked: "b",
    },
    {
      name: "the next one after one tried",
      candidates: [
        ["a", 0, 0],
        ["b", 5, 9],
      ],
      passOver: ["a"],
      picked: "b",
    },
    { name: "nobody when all were tried", candidates: [["a", 0, 0]], passOver: ["a"], picked: undefined },
  ];
  it.each(table)("picks $name", ({ candidates, passOver, picked }) => {
    const all = candidates.map(([id, turns, inFlight]) => ({ id, turns, inFlight }));
    const over = new Set(all.filter(({ id }) => passOver.includes(id)));
    expect(pickNext(all, over)?.id).toBe(picked);
  });

  it.each([
    { turns: [], joins: 0 },
    { turns: [5], joins: 5 },
    { turns: [9, 4, 6], joins: 4 },
  ])("lets a newcomer beside $turns begin with $joins turns", ({ turns, joins }) => {
    expect(turnsOnJoining(turns.map((count) => ({ turns: count, inFlight: 0 })))).toBe(joins);
  });
});

const backend = (id: number): ProxyBackend => ({ podUid: `pod-${id}`, host: "127.0.0.1", port: 1000 + id });
const newSet = (retired: string[] = []): BackendSet<Member> =>
  new BackendSet<Member>(
    (one, turns) => ({ backend: one, turns, inFlight: 0 }),
    (member) => retired.push(member.backend.podUid),
  );

describe("BackendSet", () => {
  it("goes round in order when nothing is under way", () => {
    const set = newSet();
    set.replace([backend(1), backend(2), backend(3)]);
    const picked = Array.from({ length: 7 }, () => set.take()?.backend.podUid);
    expect(picked).toEqual(["pod-1", "pod-2", "pod-3", "pod-1", "pod-2", "pod-3", "pod-1"]);
  });

  it("does not start again for those that stay when one leaves and one joins", () => {
    const set = newSet();
    set.replace([backend(1), backend(2), backend(3)]);
    for (let i = 0; i < 4; i++) set.take();
    set.replace([backend(2), backend(3), backend(4)]);
    expect(Array.from({ length: 4 }, () => set.take()?.backend.podUid)).toEqual(["pod-2", "pod-3", "pod-4", "pod-2"]);
  });

  it("retires each one that left once, and counts one named twice once", () => {
    const retired: string[] = [];
    const set = newSet(retired);
    set.replace([backend(1), backend(1), backend(2)]);
    expect(set.size).toBe(2);
    set.replace([backend(2)]);
    set.replace([]);
    expect(retired).toEqual(["pod-1", "pod-2"]);
    expect(set.take()).toBeUndefined();
  });

  it("gives each of an unchanging set the same number of turns, to within one, whatever is under way", () => {
    fc.assert(
      fc.property(fc.integer({ min: 1, max: 9 }), fc.array(fc.boolean(), { maxLength: 200 }), (count, ends) => {
        const set = newSet();
        set.replace(Array.from({ length: count }, (_, id) => backend(id)));
        const turns = new Map<string, number>(Array.from({ length: count }, (_, id) => [`pod-${id}`, 0]));
        for (const endsAtOnce of ends) {
          const member = set.take();
          if (member === undefined) throw new Error("nobody was picked");
          if (!endsAtOnce) member.inFlight++;
          turns.set(member.backend.podUid, (turns.get(member.backend.podUid) ?? 0) + 1);
        }
        expect(Math.max(...turns.values()) - Math.min(...turns.values())).toBeLessThanOrEqual(1);
      }),
    );
  });

  it("never picks one that is not in the set, and always picks when there is one", () => {
    const step = fc.oneof(
      fc.record({ kind: fc.constant("replace" as const), ids: fc.uniqueArray(fc.nat({ max: 7 })) }),
      fc.record({ kind: fc.constant("take" as const), tried: fc.uniqueArray(fc.nat({ max: 7 })) }),
    );
    fc.assert(
      fc.property(fc.array(step, { maxLength: 60 }), (steps) => {
        const set = newSet();
        const members = new Map<string, Member>();
        let present: string[] = [];
        for (const one of steps) {
          if (one.kind === "replace") {
            set.replace(one.ids.map(backend));
            present = one.ids.map((id) => `pod-${id}`);
            continue;
          }
          const tried = new Set(one.tried.flatMap((id) => members.get(`pod-${id}`) ?? []));
          const triedUids = new Set([...tried].map((member) => member.backend.podUid));
          const member = set.take(tried);
          if (member === undefined) expect(present.every((uid) => triedUids.has(uid))).toBe(true);
          else expect(present).toContain(member.backend.podUid);
          if (member !== undefined) {
            expect(tried.has(member)).toBe(false);
            members.set(member.backend.podUid, member);
          }
        }
      }),
    );
  });
});
