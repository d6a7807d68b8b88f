/**
 * Random histories of real commits through the real reconciler: promise 6, every head ends as exactly one row.
 *
 * Git takes real time, so this runs on the system's clock, with pods that are ready at once; nothing in it waits for a time.
 */
import { afterEach, describe, expect, it } from "vitest";
import { TrueupError } from "../../src/model/errors.ts";
import type { Attempt, Outcome } from "../../src/model/ledger.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { AppReconciler } from "../../src/reconcile/app-reconciler.ts";
import { type Random, seededRandom } from "../../src/util/random.ts";
import { gitIn, headOf } from "../git/support.ts";
import { configMap, deployment, image, World } from "../reconcile/world.ts";

const SEEDS = 8;
const STEPS = 9;
const DEADLY = ["head", "opened", "prepared", "planned", "carried out", "applied", "judged", "ended"];
const ACTIONS = ["commit", "commits", "no manifest", "invalid", "remove", "burst", "reset", "amend", "merge"] as const;
const TROUBLES = ["unreadable", "apply fails", "killed", "restarted"] as const;
type Counted = (typeof ACTIONS)[number] | (typeof TROUBLES)[number] | Outcome | "came to the head again";

/** What the ledger should hold of one attempt. */
interface Row {
  commit: CommitId;
  ordinal: number;
  outcomes: Outcome[];
}

/** ConfigMaps by name; a value that is `null` makes the manifest invalid. */
type Files = ReadonlyMap<string, string | null>;

const counts = new Map<Counted, number>();
const count = (what: Counted): void => void counts.set(what, (counts.get(what) ?? 0) + 1);

class Story {
  readonly world: World;
  readonly #random: Random;
  readonly #files = new Map<CommitId, Files>();
  #rows: Row[] = [];
  /** Rows that the ledger had ended, as they were: they must stay so. */
  #ended = new Map<number, string>();
  /** What the newest valid head declares. */
  #running: Files = new Map();
  #reconciler: AppReconciler;
  #now: Map<string, string | null>;
  #serial = 0;

  constructor(world: World, random: Random, files: Files) {
    this.world = world;
    this.#random = random;
    this.#now = new Map(files);
    this.#files.set(this.#head, files);
    this.#reconciler = world.reconciler();
  }

  get #head(): CommitId {
    return headOf(this.world.path, "main");
  }

  #pick<T>(list: readonly T[]): T {
    return list[Math.floor(this.#random.next() * list.length)] as T;
  }

  async start(): Promise<void> {
    await this.#reconciler.start();
    await this.#check([]);
  }

  async step(): Promise<void> {
    if (this.#random.next() < 0.45) await this.#trouble(this.#pick(TROUBLES));
    const action = this.#pick(ACTIONS);
    count(action);
    this.#act(action);
    this.#reconciler.refChanged();
    await this.#check([]);
  }

  /** Something goes wrong at a commit; what follows must set it right. */
  async #trouble(trouble: (typeof TROUBLES)[number]): Promise<void> {
    count(trouble);
    const { backend } = this.world;
    if (trouble === "unreadable" || trouble === "apply fails") {
      let left = 1 + Math.floor(this.#random.next() * 3);
      const call = trouble === "unreadable" ? "list" : "apply";
      backend.failure = (asked) =>
        asked === call && left-- > 0 ? new TrueupError("unavailable", "Cannot be reached, on purpose.") : undefined;
      return;
    }
    if (trouble === "restarted") {
      await this.#reconciler.close();
    } else {
      await this.#reconciler.close();
      this.#act("commit");
      await this.#die(this.#pick(DEADLY));
      // The row of this head may have been opened, and ended, or not; the next life says.
      await this.#check(["superseded"], false);
    }
    this.#reconciler = this.world.reconciler();
    await this.#reconciler.start();
    if (trouble === "restarted") await this.#check([]);
  }

  async #die(step: string): Promise<void> {
    const died = Promise.withResolvers<void>();
    let isDead = false;
    const doomed = this.world.reconciler({
      fault: (reached) => {
        if (!isDead && reached !== step) return;
        isDead = true;
        died.resolve();
        throw new Error(`killed at ${step}`);
      },
    });
    await doomed.start();
    await Promise.race([died.promise, doomed.settled()]);
    await doomed.close();
  }

  #act(action: (typeof ACTIONS)[number]): void {
    const { path } = this.world;
    const known = [...this.#files.keys()];
    switch (action) {
      case "commit":
        this.#commit();
        return;
      case "commits":
        for (let left = 2; left > 0; left--) this.#commit();
        this.#commit();
        return;
      case "burst":
        this.#commit();
        this.#reconciler.refChanged();
        this.#commit();
        return;
      case "no manifest":
        this.#write({ [`notes-${++this.#serial}.txt`]: "words" }, this.#now);
        return;
      case "invalid":
        this.#set("c0", null);
        return;
      case "remove":
        this.#remove();
        return;
      case "reset":
        gitIn(path, ["reset", "-q", "--hard", this.#pick(known)]);
        break;
      case "amend":
        gitIn(path, ["commit", "-q", "--amend", "--allow-empty", "-m", `amended ${++this.#serial}`]);
        this.#files.set(this.#head, new Map(this.#now));
        return;
      case "merge":
        this.#merge();
        return;
      default:
        action satisfies never;
    }
    this.#now = new Map(this.#files.get(this.#head));
  }

  #commit(): void {
    this.#set(this.#pick([...this.#now.keys()]), `v${++this.#serial}`);
  }

  #set(name: string, value: string | null): void {
    this.#now.set(name, value);
    this.#write({ [`${name}.json`]: value === null ? "kind: Widget\n" : configMap(name, { value }) }, this.#now);
  }

  #remove(): void {
    const name = [...this.#now.keys()].at(-1) ?? "c0";
    if (this.#now.size < 5) {
      this.#set(`d${++this.#serial}`, "new");
      return;
    }
    this.#now.delete(name);
    this.#write({ [`${name}.json`]: null }, this.#now);
  }

  #merge(): void {
    const { path } = this.world;
    gitIn(path, ["checkout", "-q", "-b", `side-${++this.#serial}`]);
    this.#commit();
    this.#commit();
    const side = gitIn(path, ["rev-parse", "--abbrev-ref", "HEAD"]);
    gitIn(path, ["checkout", "-q", "main"]);
    gitIn(path, ["merge", "-q", "--no-ff", "-m", `merge ${side}`, side]);
    this.#files.set(this.#head, new Map(this.#now));
  }

  #write(files: Record<string, string | null>, now: Files): void {
    const commit = this.world.commit(files, `commit ${++this.#serial}`);
    this.#files.set(commit, new Map(now));
  }

  /** What the ledger should hold once the reconciler has seen the head. */
  #see(head: CommitId, also: Outcome[]): void {
    const seen = this.#rows.at(-1)?.commit;
    if (seen === head) return;
    const chain = gitIn(this.world.path, ["rev-list", "--first-parent", head]).split("\n") as CommitId[];
    const at = seen === undefined ? -1 : chain.indexOf(seen);
    const path = at < 0 ? [head] : chain.slice(0, at).reverse();
    for (const commit of path) {
      const ordinal = this.#rows.filter((row) => row.commit === commit).length + 1;
      if (ordinal > 1) count("came to the head again");
      const isValid = ![...(this.#files.get(commit)?.values() ?? [])].includes(null);
      const own: Outcome[] = isValid ? ["deployed", "no-op"] : ["rejected"];
      // Of a burst the first commit may have been at the head for long enough, or not.
      this.#rows.push({ commit, ordinal, outcomes: commit === head ? [...own, ...also] : ["superseded", ...own] });
    }
  }

  async #check(also: Outcome[], isSettled = true): Promise<void> {
    if (isSettled) await this.#reconciler.settled();
    const attempts = (await this.world.ledger.attempts({})).reverse();
    const head = this.#head;
    const before = this.#rows.length;
    this.#see(head, also);
    // A reconciler that was killed may not have come to write them all; those that it wrote are the first of them.
    if (!isSettled) this.#rows.length = Math.max(before, attempts.length);
    expect(attempts.map(({ commit, ordinal }) => `${commit} #${ordinal}`)).toEqual(
      this.#rows.map(({ commit, ordinal }) => `${commit} #${ordinal}`),
    );
    this.#checkRows(attempts);
    if (!isSettled) return;
    expect(attempts.filter(({ ending }) => ending === undefined)).toEqual([]);
    attempts.forEach(({ ending, commit }, index) => {
      expect(this.#rows[index]?.outcomes, `of ${commit}`).toContain(ending?.outcome);
    });
    await this.#checkObjects(head);
  }

  /** Rows that have ended are never written again. */
  #checkRows(attempts: readonly Attempt[]): void {
    for (const attempt of attempts) {
      if (attempt.ending === undefined) continue;
      const text = JSON.stringify({ ...attempt, events: undefined });
      if (!this.#ended.has(attempt.row)) count(attempt.ending.outcome);
      expect(this.#ended.get(attempt.row) ?? text).toBe(text);
      this.#ended.set(attempt.row, text);
    }
  }

  /** What runs is what the head declares, or, when it is invalid, what ran before. */
  async #checkObjects(head: CommitId): Promise<void> {
    const files = this.#files.get(head) ?? new Map<string, string>();
    if (![...files.values()].includes(null)) this.#running = files;
    const live = (await this.world.objects("ConfigMap")).map(({ metadata, data }) => [metadata.name, data]);
    const declared = [...this.#running].map(([name, value]) => [name, { value }]);
    expect(Object.fromEntries(live)).toEqual(Object.fromEntries(declared));
  }
}

let world: World | undefined;
afterEach(async () => {
  await world?.close();
  world = undefined;
});

describe("random histories of commits", () => {
  it.each(Array.from({ length: SEEDS }, (_, index) => index + 1))(
    "seed %i: one row for each head, and never another",
    async (seed) => {
      const random = seededRandom(seed);
      const names = Array.from({ length: 12 }, (_, index) => `c${index}`);
      const files = Object.fromEntries(names.map((name) => [`${name}.json`, configMap(name, { value: "v0" })]));
      world = await World.create({ ...files, "web.json": deployment("web"), ...image("v1") });
      const story = new Story(world, random, new Map(names.map((name) => [name, "v0"])));
      await story.start();
      for (let step = 0; step < STEPS; step++) await story.step();
    },
  );

  it("came upon every kind of commit, of trouble and of outcome", () => {
    const expected: Counted[] = [
      ...ACTIONS,
      ...TROUBLES,
      "deployed",
      "no-op",
      "rejected",
      "superseded",
      "came to the head again",
    ];
    expect(expected.filter((what) => !counts.has(what))).toEqual([]);
  });
});
