/** Plays a history on a machine: commits, faults, time; then quiet, in which the world has to come to rest. */
import { keyOf } from "../../src/model/object.ts";
import { asCommitId, asObjectHash, type CommitInfo } from "../../src/model/source.ts";
import type { Deployment, Pod } from "../../src/model/workload.ts";
import { planApp } from "../../src/plan/plan.ts";
import { DEFAULT_PRUNE_BUDGET, type PruneBudget } from "../../src/plan/prune-guard.ts";
import { carryOut, dueChanges } from "../../src/reconcile/apply.ts";
import { settle } from "../../src/util/clock.ts";
import { type App, declare } from "./app.ts";
import { checkRest, restProblem } from "./checks.ts";
import { edited, type History, type Step } from "./history.ts";
import { Machine, type Sabotage } from "./machine.ts";
import type { Tally } from "./tally.ts";

export const OWNER = "simulation";
export const NEVER = new AbortController().signal;
const ALL: PruneBudget = { maxObjects: Number.POSITIVE_INFINITY, maxPercent: 100 };
/** Longest virtual time in which a world without faults has to come to rest. */
const REST_LIMIT_MS = 30 * 60_000;
/** How many timers pass between two looks at whether it has. */
const LOOK_EVERY = 25;

export interface Played {
  violations: string[];
  tally: Tally;
  digest: string;
  /** Virtual time, milliseconds. */
  virtualMs: number;
}

export interface PlayOptions {
  /** Those of the history that are played; all unless given. */
  steps?: readonly Step[];
  withDigest?: boolean;
  sabotage?: Sabotage;
}

export async function play(
  history: History,
  { steps = history.steps, withDigest = false, sabotage }: PlayOptions = {},
): Promise<Played> {
  const onDisk = history.steps.some((step) => step.do === "restart" || (step.do === "commit" && step.dieAt !== null));
  const machine = new Machine({ seed: history.seed, onDisk, withDigest, sabotage });
  const player = new Player(machine, history.app);
  const { witness, tally, clock } = machine;
  try {
    machine.start();
    await player.commit(history.app);
    for (const step of steps) {
      await player.step(step);
      if (witness.violations.length > 0) break;
    }
    if (witness.violations.length === 0) await player.rest();
  } catch (error) {
    witness.violate(`the simulation itself failed: ${error instanceof Error ? error.stack : String(error)}`);
  } finally {
    await machine.dispose();
  }
  return { violations: witness.violations, tally, digest: witness.digest, virtualMs: clock.monotonic() };
}

class Killed extends Error {}

class Player {
  readonly #machine: Machine;
  readonly #past: App[] = [];
  #app: App;
  #commits = 0;

  constructor(machine: Machine, app: App) {
    this.#machine = machine;
    this.#app = app;
  }

  async step(step: Step): Promise<void> {
    const { weather, clock, tally, witness } = this.#machine;
    witness.note(JSON.stringify(step));
    switch (step.do) {
      case "commit":
        return this.commit(edited(this.#app, step.edits, this.#past), step.approve, step.dieAt);
      case "wait":
        return this.#pass(step.ms);
      case "link":
        weather.begin(step.fault, step.forMs);
        return settle();
      case "delete pods":
        return this.#deletePods(step.share, step.graceSeconds);
      case "edit by hand":
        return this.#editByHand(step.on, step.what);
      case "sync":
        return this.#sync(false, null);
      case "restart":
        return this.#restart(step.how, step.afterEvents, step.downMs);
      case "jump":
        tally.add(step.ms > 0 ? "clock set forward" : "clock set back");
        clock.jump(step.ms);
        return settle();
      default:
        return step satisfies never;
    }
  }

  async commit(app: App, approve = false, dieAt: number | null = null): Promise<void> {
    this.#past.push(app);
    this.#app = app;
    this.#commits++;
    await this.#sync(approve, dieAt);
  }

  /** Lets time pass; a daemon that is killed meanwhile is replaced at once. */
  async #pass(ms: number): Promise<void> {
    const { clock, witness } = this.#machine;
    const end = clock.monotonic() + ms;
    for (;;) {
      await clock.virtual.runUntil(() => {
        witness.tick();
        return this.#machine.killed || witness.violations.length > 0;
      }, end - clock.monotonic());
      if (!this.#machine.killed) return;
      await this.#replace(0);
    }
  }

  /** Applies the head, as the daemon does when it sees a commit or looks again. */
  async #sync(approve: boolean, dieAt: number | null): Promise<void> {
    const { tally, witness, cluster } = this.#machine;
    const plan = await this.#plan(DEFAULT_PRUNE_BUDGET);
    if (plan.changes.some(({ held }) => held !== undefined)) tally.add("deletion held");
    const whole = approve ? await this.#plan(ALL) : plan;
    if (approve && plan.changes.some(({ held }) => held !== undefined)) tally.add("deletion approved");
    let changes = 0;
    try {
      await carryOut(whole, this.#commitInfo(), this.#machine.backend, NEVER, {
        applied: ({ action }) => {
          if (action === "delete") tally.add("object removed");
        },
        fault: () => {
          if (this.#machine.killed || changes++ === dieAt) throw new Killed();
        },
      });
    } catch (error) {
      if (!(error instanceof Killed)) throw error;
      if (!this.#machine.killed) tally.add("daemon killed amid an apply");
      await this.#replace(0);
      // The next daemon finds the commit applied in part.
      return this.#sync(approve, null);
    }
    const again = await this.#plan(approve ? ALL : DEFAULT_PRUNE_BUDGET);
    if (dueChanges(again).length > 0 && !this.#machine.killed) {
      const names = dueChanges(again).map(({ action, id }) => `${action} ${id.kind} ${id.name}`);
      witness.violate(`a second plan of the same commit is not empty: ${names.join(", ")}`);
    }
    if (cluster.store.closed) throw new Error("the store is closed");
    await settle();
  }

  async #plan(prune: PruneBudget): Promise<ReturnType<typeof planApp>> {
    const { items } = await this.#machine.backend.list({}, NEVER);
    const { id: commit } = this.#commitInfo();
    return planApp({ app: OWNER, commit, declared: declare(this.#app), observed: items, prune });
  }

  #commitInfo(): CommitInfo {
    const id = asCommitId(this.#commits.toString(16).padStart(40, "0"));
    const at = new Date(this.#machine.clock.now()).toISOString();
    return {
      id,
      parents: [],
      tree: asObjectHash("0".repeat(40)),
      authorName: "Ada",
      authorEmail: "ada@example.org",
      authoredAt: at,
      committerName: "Ada",
      committerEmail: "ada@example.org",
      committedAt: at,
      subject: `commit ${this.#commits}`,
    };
  }

  async #deletePods(share: number, graceSeconds: number | null): Promise<void> {
    const { cluster, witness, tally } = this.#machine;
    const pods = cluster.store.list({ group: "", kind: "Pod" }) as Pod[];
    const names = pods.map(({ metadata }) => metadata.name).sort();
    const chosen = new Set(names.slice(0, Math.ceil(names.length * share)));
    for (const pod of pods) {
      if (!chosen.has(pod.metadata.name)) continue;
      witness.deletedByHand.add(pod.metadata.uid ?? "");
      tally.add(graceSeconds === 0 ? "pod deleted by hand without grace" : "pod deleted by hand");
      cluster.store.delete(keyOf(pod), graceSeconds === null ? {} : { gracePeriodSeconds: graceSeconds });
    }
    await settle();
  }

  async #editByHand(on: string, what: "replicas" | "image" | "delete"): Promise<void> {
    const { cluster, tally } = this.#machine;
    const { store } = cluster;
    const deployments = store.list({ group: "apps", kind: "Deployment" }) as Deployment[];
    const live = deployments.find(({ metadata }) => metadata.name === on);
    if (live === undefined) return;
    if (what === "delete") {
      tally.add("Deployment deleted by hand");
      store.delete(keyOf(live));
      await settle();
      return;
    }
    tally.add("Deployment edited by hand");
    const { template } = live.spec;
    const containers = template.spec.containers.map((container) => ({ ...container, image: "good:hand" }));
    const spec =
      what === "replicas"
        ? { ...live.spec, replicas: (live.spec.replicas ?? 1) + 2 }
        : { ...live.spec, template: { ...template, spec: { ...template.spec, containers } } };
    store.update({ ...live, spec });
    await settle();
    if (this.#app.workloads.some(({ name }) => name === on)) tally.add("drift repaired");
  }

  async #restart(how: "kill" | "close", afterEvents: number, downMs: number): Promise<void> {
    if (how === "close") {
      this.#machine.tally.add("daemon closed");
      await this.#machine.close();
      await this.#machine.clock.virtual.advance(downMs);
      this.#machine.start();
      await settle();
      return;
    }
    this.#machine.killAfter(afterEvents);
    await this.#machine.clock.virtual.runUntil(() => this.#machine.killed, 5_000);
    await this.#replace(downMs);
  }

  /** Buries the daemon and starts the next one after a while. */
  async #replace(downMs: number): Promise<void> {
    this.#machine.tally.add("daemon killed");
    await this.#machine.bury();
    await this.#machine.clock.virtual.advance(downMs);
    this.#machine.start();
    await settle();
  }

  /** No more faults: everything comes to rest, at the right place, and stays there. */
  async rest(): Promise<void> {
    const { weather, clock, witness } = this.#machine;
    weather.clear();
    await this.#sync(false, null);
    await this.#pass(clock.behindMs);
    let timers = 0;
    const reached = await clock.virtual.runUntil(() => {
      if (witness.violations.length > 0) return true;
      if (++timers % LOOK_EVERY !== 0) return false;
      witness.tick();
      return restProblem(this.#machine) === null;
    }, REST_LIMIT_MS);
    if (witness.violations.length > 0) return;
    const problem = restProblem(this.#machine);
    if (!reached && problem !== null) witness.violate(`no rest after ${REST_LIMIT_MS / 60_000} minutes: ${problem}`);
    else await checkRest(this.#machine, { sync: () => this.#sync(false, null), replace: () => this.#replace(1_000) });
  }
}
