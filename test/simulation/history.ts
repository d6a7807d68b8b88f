/** Makes a random history from a seed: an app, commits to it, and what goes wrong meanwhile. All of it is plain data. */
import { type Random, seededRandom } from "../../src/util/random.ts";
import type { App, BEHAVIOURS, SimulatedService, Workload } from "./app.ts";

/** One edit of a commit; about an object that is not there it does nothing. */
export type Edit =
  | { set: Partial<Omit<Workload, "name">>; on: string }
  /** The workload's image and note as they were so many commits ago. */
  | { undo: number; on: string }
  | { remove: string }
  | { add: Workload }
  | { addService: SimulatedService };

export type Step =
  | {
      do: "commit";
      edits: Edit[];
      /** Held deletions are approved at once. */
      approve: boolean;
      /** The daemon is killed before this change of the plan, counted from 0; `null`: it is not. */
      dieAt: number | null;
    }
  | { do: "wait"; ms: number }
  | { do: "link"; fault: "down" | "slow" | "delay" | "lossy" | "twice"; forMs: number }
  /** `share` of the pods, by name. */
  | { do: "delete pods"; share: number; graceSeconds: number | null }
  | { do: "edit by hand"; on: string; what: "replicas" | "image" | "delete" }
  /** The daemon looks at its app again, as it does after drift. */
  | { do: "sync" }
  /** Killed at the so manieth store event from now, or closed; then nothing for a while. */
  | { do: "restart"; how: "kill" | "close"; afterEvents: number; downMs: number }
  | { do: "jump"; ms: number };

export interface History {
  seed: number;
  app: App;
  steps: Step[];
}

class Dice {
  readonly #random: Random;

  constructor(random: Random) {
    this.#random = random;
  }

  /** A whole number from `from` to `to`, both included. */
  int(from: number, to: number): number {
    return from + Math.floor(this.#random.next() * (to - from + 1));
  }

  chance(probability: number): boolean {
    return this.#random.next() < probability;
  }

  pick<T>(list: readonly T[]): T {
    return list[this.int(0, list.length - 1)] as T;
  }

  /** One of the keys, as often as its weight says. */
  weighted<K extends string>(weights: Readonly<Record<K, number>>): K {
    const entries = Object.entries(weights) as [K, number][];
    let left = this.#random.next() * entries.reduce((sum, [, weight]) => sum + weight, 0);
    for (const [key, weight] of entries) {
      left -= weight;
      if (left < 0) return key;
    }
    return (entries[0] as [K, number])[0];
  }
}

/** The history of a seed: always the same one. */
export function makeHistory(seed: number): History {
  const dice = new Dice(seededRandom(seed));
  const workloads = Array.from({ length: dice.pick([1, 1, 2, 2, 3, 4]) }, (_, index) => workload(dice, `w${index}`));
  const services = workloads.filter(() => dice.chance(0.7)).map(({ name }) => service(dice, name));
  const configs = dice.chance(0.5) ? ["c0", "c1", "c2", "c3"] : [];
  const names = workloads.map(({ name }) => name);
  const steps: Step[] = [];
  const count = dice.int(5, 12);
  for (let index = 0; index < count; index++) {
    steps.push(step(dice, names, index));
    if (dice.chance(0.6)) steps.push({ do: "wait", ms: waitMs(dice) });
  }
  return { seed, app: { workloads, services, configs }, steps };
}

function waitMs(dice: Dice): number {
  return dice.weighted({ short: 4, middle: 4, long: 1 }) === "long" ? dice.int(20_000, 90_000) : dice.int(0, 12_000);
}

function step(dice: Dice, names: readonly string[], index: number): Step {
  const kind = dice.weighted({ commit: 10, link: 3, pods: 2, hand: 2, sync: 1, restart: 2.5, jump: 0.7 });
  switch (index === 0 ? "commit" : kind) {
    case "link":
      return {
        do: "link",
        fault: dice.pick(["down", "slow", "delay", "lossy", "twice"]),
        forMs: dice.int(500, 20_000),
      };
    case "pods":
      return {
        do: "delete pods",
        share: dice.pick([0.3, 0.6, 1]),
        graceSeconds: dice.pick([null, null, 0, 1]),
      };
    case "hand":
      return { do: "edit by hand", on: dice.pick(names), what: dice.pick(["replicas", "image", "delete"]) };
    case "sync":
      return { do: "sync" };
    case "restart":
      return {
        do: "restart",
        how: dice.weighted({ kill: 3, close: 1 }),
        afterEvents: dice.int(0, 25),
        downMs: dice.pick([0, 10, 1_000, dice.int(0, 40_000)]),
      };
    case "jump":
      return { do: "jump", ms: dice.chance(0.5) ? dice.int(1_000, 1_800_000) : -dice.int(1_000, 240_000) };
    default:
      return commit(dice, names, index);
  }
}

function commit(dice: Dice, names: readonly string[], index: number): Step {
  const edits = Array.from({ length: dice.pick([1, 1, 1, 2, 3]) }, () => edit(dice, dice.pick(names), index));
  return { do: "commit", edits, approve: dice.chance(0.4), dieAt: dice.chance(0.08) ? dice.int(0, 2) : null };
}

function edit(dice: Dice, on: string, index: number): Edit {
  switch (
    dice.weighted({ image: 6, note: 3, scale: 3, strategy: 2, pause: 2, undo: 2, timing: 1, remove: 1.5, add: 1 })
  ) {
    case "image":
      return { on, set: { image: image(dice) } };
    case "note":
      return { on, set: { note: `n${index}` } };
    case "scale":
      return { on, set: { replicas: dice.int(0, 6), ...(dice.chance(0.4) && { note: `s${index}` }) } };
    case "strategy":
      return { on, set: { rolling: rolling(dice) } };
    case "pause":
      return { on, set: { paused: dice.chance(0.5) } };
    case "undo":
      return { on, undo: dice.int(1, 3) };
    case "timing":
      return { on, set: { minReadySeconds: dice.int(0, 10), deadline: deadline(dice), history: dice.int(0, 3) } };
    case "remove":
      return { remove: dice.pick([on, `to-${on}`, "c0", "c1", "c2", "c3"]) };
    default:
      return dice.chance(0.5) ? { add: workload(dice, on) } : { addService: service(dice, on) };
  }
}

function image(dice: Dice): string {
  const behaviour = dice.weighted({
    good: 8,
    slow: 3,
    heals: 1.5,
    stubborn: 1,
    crashes: 1.2,
    never: 1,
    flaps: 1,
    hangs: 0.8,
    missing: 1,
  } satisfies Record<(typeof BEHAVIOURS)[number], number>);
  return `${behaviour}:${dice.int(1, 9)}`;
}

function deadline(dice: Dice): number | null {
  return dice.chance(0.15) ? null : dice.int(12, 60);
}

function rolling(dice: Dice): Workload["rolling"] {
  if (dice.chance(0.2)) return null;
  const limits = ["0%", "25%", "25%", "50%", "100%", 0, 1, 1, 2, 3];
  const maxSurge = dice.pick(limits);
  const maxUnavailable = dice.pick(limits);
  // Both 0 is refused by validation.
  return Number.parseInt(String(maxSurge), 10) + Number.parseInt(String(maxUnavailable), 10) === 0
    ? { maxSurge: 1, maxUnavailable: 0 }
    : { maxSurge, maxUnavailable };
}

function workload(dice: Dice, name: string): Workload {
  return {
    name,
    replicas: dice.int(1, 5),
    image: dice.chance(0.8) ? `good:${dice.int(1, 9)}` : image(dice),
    note: "n",
    rolling: rolling(dice),
    minReadySeconds: dice.pick([0, 0, 0, 1, dice.int(1, 10)]),
    deadline: deadline(dice),
    history: dice.pick([10, 2, 1, 0]),
    paused: dice.chance(0.05),
    readiness: dice.chance(0.8),
    liveness: dice.chance(0.3),
    graceSeconds: dice.pick([30, 5, 1, 0]),
  };
}

function service(dice: Dice, to: string): SimulatedService {
  return { name: `to-${to}`, to, http: dice.chance(0.5), includeNotReady: dice.chance(0.15) };
}

/** The app after a commit's edits. `past` are earlier apps, newest last. */
export function edited(app: App, edits: readonly Edit[], past: readonly App[]): App {
  let { workloads, services, configs } = app;
  for (const edit of edits) {
    if ("remove" in edit) {
      workloads = workloads.filter(({ name }) => name !== edit.remove);
      services = services.filter(({ name }) => name !== edit.remove);
      configs = configs.filter((name) => name !== edit.remove);
    } else if ("add" in edit) {
      workloads = [...workloads.filter(({ name }) => name !== edit.add.name), edit.add];
    } else if ("addService" in edit) {
      services = [...services.filter(({ name }) => name !== edit.addService.name), edit.addService];
    } else {
      const change = "set" in edit ? edit.set : templateThen(past, edit.undo, edit.on);
      workloads = workloads.map((each) => (each.name === edit.on ? { ...each, ...change } : each));
    }
  }
  return { workloads, services, configs };
}

function templateThen(past: readonly App[], back: number, name: string): Partial<Workload> {
  const before = past.at(-1 - back)?.workloads.find((each) => each.name === name);
  return before === undefined
    ? {}
    : { image: before.image, note: before.note, readiness: before.readiness, liveness: before.liveness };
}

/** One line for a person. */
export function describeStep(step: Step): string {
  const { do: what, ...rest } = step;
  return `${what} ${JSON.stringify(rest)}`;
}
