/** Which changes are made together: those of one rank, where a request is a round trip; and what is asked before late ones. */
import { describe, expect, it } from "vitest";
import type { ApplyRequest, Backend, DeleteRequest } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { KubeObject } from "../../src/model/object.ts";
import type { Change } from "../../src/model/plan.ts";
import { asCommitId, type CommitInfo } from "../../src/model/source.ts";
import { carryOut } from "../../src/reconcile/apply.ts";
import { settle } from "../../src/util/clock.ts";
import { configMap, declaredOf, deployment, observedOf, plain } from "../plan/declared.ts";

const { signal: NO_ABORT } = new AbortController();
const COMMIT = { id: asCommitId("a".repeat(40)), subject: "s", authorName: "Ann" } as CommitInfo;

function change(action: Change["action"], object: KubeObject, more: Partial<Change> = {}): Change {
  const declared = declaredOf(object);
  const observed = action === "create" ? {} : { observed: observedOf(object, "shop") };
  return { action, id: declared.id, declared, fields: [], restartsPods: false, ...observed, ...more };
}

/** Takes note of what is asked; each write waits until the loop is idle, so that those that go together are seen. */
class Slow {
  /** Each with what is under way together. */
  readonly rounds: string[][] = [];
  readonly asked: string[] = [];
  readonly beside: (readonly { name: string }[] | undefined)[] = [];
  failing = "";
  #round: string[] | null = null;

  backend(cheapDryRun: boolean): Backend {
    const never = (): never => {
      throw new Error("not asked here");
    };
    return {
      capabilities: { name: "slow", cheapDryRun, localImages: false, followLogs: false, kinds: null },
      list: never,
      watch: never,
      logs: never,
      dryRun: async ({ desired }) => {
        this.asked.push(desired.metadata.name);
        this.#meet(`try ${desired.metadata.name}`);
        return { action: "create", object: desired };
      },
      apply: async ({ desired, beside }: ApplyRequest) => {
        this.beside.push(beside);
        await this.#together(desired.metadata.name);
        return { action: "create", object: desired };
      },
      delete: ({ id }: DeleteRequest) => this.#together(`-${id.name}`),
    };
  }

  async #together(what: string): Promise<void> {
    if (this.#round === null) {
      this.#round = [];
      this.rounds.push(this.#round);
    }
    this.#round.push(what);
    await settle();
    this.#round = null;
    this.#meet(what);
  }

  #meet(what: string): void {
    if (what === this.failing) throw new TrueupError("invalid", `Cannot apply ${what} as it must be good: it is bad.`);
  }
}

const inShop = (object: KubeObject): KubeObject => ({
  ...object,
  metadata: { ...object.metadata, namespace: "shop" },
});
const namespace = change("create", plain("Namespace", "shop"));
const a = change("create", configMap("a"));
const b = change("update", configMap("b"));
const c = change("create", configMap("c"));
const account = change("create", plain("ServiceAccount", "s"));
const web = change("create", deployment("web"));

describe("changes", () => {
  const rows: { name: string; cheap?: true; changes: Change[]; rounds: string[][]; asked?: string[] }[] = [
    { name: "of one rank go together", changes: [account, a, b, c, web], rounds: [["s"], ["a", "b", "c"], ["web"]] },
    {
      name: "go one by one where a request is no round trip",
      cheap: true,
      changes: [a, b, c],
      rounds: [["a"], ["b"], ["c"]],
    },
    {
      name: "of another stage wait",
      changes: [a, { ...b, stage: 1 }, { ...c, stage: 1 }],
      rounds: [["a"], ["b", "c"]],
    },
    {
      name: "that replace or delete go by themselves",
      changes: [
        a,
        change("replace", configMap("r")),
        b,
        change("delete", configMap("d")),
        change("delete", configMap("e")),
      ],
      rounds: [["a"], ["-r"], ["r"], ["b"], ["-d"], ["-e"]],
      // Once more right before the old one goes: what was made since may refuse the new one.
      asked: ["r"],
    },
    {
      name: "that are hooks go by themselves",
      changes: [a, { ...b, hook: { phase: "Sync", run: "1" } }, c],
      rounds: [["a"], ["b"], ["c"]],
    },
    {
      name: "in a new Namespace are asked about but for the first, which asks by being made",
      changes: [
        namespace,
        ...["x", "y", "z"].map((name) => change("create", inShop(configMap(name)))),
        change("create", inShop(deployment("w"))),
      ],
      rounds: [["shop"], ["x"], ["y", "z"], ["w"]],
      asked: ["y", "z", "w"],
    },
  ];
  it.each(rows)("$name", async ({ cheap, changes, rounds, asked = [] }) => {
    const slow = new Slow();
    const made: string[] = [];
    const applied = ({ id }: Change): void => void made.push(id.name);
    await carryOut("shop", changes, COMMIT, slow.backend(cheap === true), NO_ABORT, { applied });
    expect(slow.rounds).toEqual(rounds);
    expect(slow.asked).toEqual(asked);
    expect(made).toEqual(changes.map(({ id }) => id.name));
    const written = changes.filter(({ action }) => action !== "delete").map(({ id }) => id);
    expect(slow.beside.every((beside) => JSON.stringify(beside) === JSON.stringify(written))).toBe(true);
  });

  it("after one that fails are not begun; those beside it are over when that is told", async () => {
    const slow = new Slow();
    slow.failing = "a";
    const made: string[] = [];
    const applied = ({ id }: Change): void => void made.push(id.name);
    const running = carryOut("shop", [a, b, web], COMMIT, slow.backend(false), NO_ABORT, { applied });
    await expect(running).rejects.toThrow("Cannot apply a as it must be good: it is bad.");
    expect(slow.rounds).toEqual([["a", "b"]]);
    expect(made).toEqual(["b"]);
  });

  it.each([
    { name: "of which one is refused when asked about", failing: "try y", rounds: [["shop"]] },
    { name: "of which the first is refused when made", failing: "x", rounds: [["shop"], ["x"]] },
  ])("in a new Namespace, $name, leave nothing but that, and tell the place", async ({ failing, rounds }) => {
    const slow = new Slow();
    slow.failing = failing;
    const changes = [namespace, ...["x", "y"].map((name) => change("create", inShop(configMap(name))))];
    const running = carryOut("shop", changes, COMMIT, slow.backend(false), NO_ABORT, { applied: () => undefined });
    await expect(running).rejects.toThrow(`app.yaml:1: Cannot apply ${failing} as it must be good: it is bad.`);
    expect(slow.rounds).toEqual(rounds);
  });
});
