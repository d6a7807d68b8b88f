/** Plays a history on a machine: commits, faults, time; then quiet, in which the world has to come to rest. */
import { displayId, keyOf } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { Deployment, Pod } from "../../src/model/workload.ts";
import { settle } from "../../src/util/clock.ts";
import { checkRest, restProblem } from "./checks.ts";
import { CALM_MS, type History, type Step } from "./history.ts";
import { Machine, type Sabotage } from "./machine.ts";
import { Repo } from "./repo.ts";
import type { Tally } from "./tally.ts";

/** Longest virtual time in which a world without faults has to come to rest. */
const REST_LIMIT_MS = 60 * 60_000;
/** How many timers pass between two looks at whether it has. */
const LOOK_EVERY = 25;
/** After so long, whoever watches over the daemon starts it again when it could not start. */
const START_AGAIN_MS = 5_000;

const NEVER = new AbortController().signal;
/** Of no plan. */
const NO_DIGEST = `sha256:${"0".repeat(64)}`;

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
  /** Hears of all that happens, line by line. */
  trace?: (line: string) => void;
}

export async function play(
  history: History,
  { steps = history.steps, withDigest = false, sabotage, trace }: PlayOptions = {},
): Promise<Played> {
  const { seed, isWhole } = history;
  const keepsPods = history.steps.some((step) => step.do === "kill kubelet");
  const machine = new Machine({ seed, isWhole, keepsPods, withDigest, sabotage, trace });
  const player = new Player(machine, new Repo(machine, history));
  const { witness, tally, clock } = machine;
  try {
    await machine.kubelets.start();
    await player.start();
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

class Player {
  readonly #machine: Machine;
  readonly #repo: Repo;
  /** Digest that each app's status showed last while something was held. */
  readonly #shown = new Map<string, string>();
  /** The head, and since when it stands there. */
  #head: { commit: CommitId | undefined; at: number } = { commit: undefined, at: 0 };

  constructor(machine: Machine, repo: Repo) {
    this.#machine = machine;
    this.#repo = repo;
  }

  async start(): Promise<void> {
    this.#moved();
    await this.#up();
    await settle();
  }

  async step(step: Step): Promise<void> {
    const { weather, clock, tally, witness } = this.#machine;
    witness.note(JSON.stringify(step));
    switch (step.do) {
      case "commit":
        return this.#commit(step);
      case "ref":
      case "apps":
        this.#checkSeen();
        if (step.do === "ref") this.#repo.move(step);
        else this.#repo.rename(step);
        return this.#tell(true);
      case "move":
        this.#checkSeen();
        this.#repo.transfer(step);
        return this.#tell(true);
      case "approve":
      case "discard":
      case "retry":
        return this.#order(step);
      case "fight":
        return this.#fight(step.on, step.times);
      case "wait":
        return this.#pass(step.ms);
      case "fault":
        weather.begin(step.fault, step.forMs);
        if (step.fault === "store full") this.#fillStore(step.forMs);
        return settle();
      case "delete pods":
        return this.#deletePods(step.share, step.graceSeconds);
      case "edit by hand":
        return this.#editByHand(step.on, step.what);
      case "restart":
        return this.#restart(step.how, step.afterSteps, step.downMs);
      case "kill kubelet":
        return this.#killKubelet(step.downMs);
      case "jump":
        tally.add(step.ms > 0 ? "clock set forward" : "clock set back");
        weather.rough();
        clock.jump(step.ms);
        return settle();
      default:
        return step satisfies never;
    }
  }

  async #commit(step: Extract<Step, { do: "commit" }>): Promise<void> {
    const { tally } = this.#machine;
    this.#checkSeen();
    this.#repo.commit(step);
    if (step.dieAt === null) return this.#tell(step.isHeard);
    this.#machine.killAfter(step.dieAt);
    await this.#tell(true);
    await this.#pass(500);
    if (this.#machine.disarm()) tally.add("daemon killed at a commit");
    return undefined;
  }

  /** Somebody decides about what an app holds, or has it try again. */
  async #order(step: Extract<Step, { do: "approve" | "discard" | "retry" }>): Promise<void> {
    const { daemon, changes, tally, witness } = this.#machine;
    const by = "Ada";
    const status = daemon.fleet.statuses().find(({ app }) => app.startsWith(step.on));
    if (status === undefined) return;
    const { app, planDigest, held, attempt } = status;
    const shown = held.length === 0 ? null : planDigest;
    if (step.do === "discard") await this.#machine.order((fleet) => fleet.discard(app, { by }));
    else if (step.do === "retry") {
      if (await this.#machine.order((fleet) => fleet.retry(app, { by }))) tally.add("attempt tried again");
    } else {
      const earlier = this.#shown.get(app) ?? NO_DIGEST;
      const digest = { shown: shown ?? NO_DIGEST, earlier, other: NO_DIGEST }[step.digest];
      const isShown = digest === shown;
      changes.asked = isShown ? { digest, deletions: held.map(({ id }) => displayId(id)) } : null;
      const isDone = await this.#machine.order((fleet) => fleet.approve(app, { digest, by }, NEVER));
      changes.asked = null;
      if (isDone && !isShown)
        witness.violate(`${digest} was approved for ${app} at ${attempt?.commit}; shown was ${shown}`);
      if (!isDone && !isShown && shown !== null) tally.add("approval refused");
    }
    if (shown !== null) this.#shown.set(app, shown);
    if (this.#machine.killed) await this.#replace(0);
  }

  async #fight(on: string, times: number): Promise<void> {
    this.#machine.tally.add("field fought over");
    for (let left = times; left > 0; left--) {
      await this.#editByHand(on, "replicas");
      await this.#pass(1_000);
    }
  }

  /** The ref moved, and the daemon hears of it, or does not until it looks by itself. */
  async #tell(isHeard: boolean): Promise<void> {
    this.#moved();
    if (isHeard) for (const ring of [...this.#machine.bell]) ring();
    else {
      this.#machine.tally.add("news of a commit lost");
      this.#machine.weather.rough();
    }
    await settle();
    if (this.#machine.killed) await this.#replace(0);
  }

  #moved(): void {
    const { head, clock } = this.#machine;
    this.#head = { commit: head, at: clock.monotonic() };
  }

  /** A head that stood there for long enough, with nothing wrong, was taken up by every app. */
  #checkSeen(): void {
    const { clock, weather, changes, daemon, witness, tally } = this.#machine;
    const { commit, at } = this.#head;
    if (clock.monotonic() - at < CALM_MS || weather.calmMs < CALM_MS) return;
    for (const { app } of daemon.fleet.statuses()) {
      const newest = changes.newest.get(app);
      if (newest === commit) tally.add("head taken up in time");
      else witness.violate(`${app} is still about ${newest}, though ${commit} has been at the head for long`);
    }
  }

  /** Lets time pass; a daemon that is killed meanwhile is replaced at once. */
  async #pass(ms: number): Promise<void> {
    const { clock, witness } = this.#machine;
    const end = clock.monotonic() + ms;
    for (;;) {
      await clock.virtual.runUntil(
        () => {
          witness.tick();
          return this.#machine.killed || witness.violations.length > 0;
        },
        Math.max(0, end - clock.monotonic()),
      );
      if (!this.#machine.killed) return;
      await this.#replace(0);
    }
  }

  #fillStore(forMs: number): void {
    const { clock } = this.#machine;
    this.#machine.fillStore(true);
    clock.setTimer(forMs, () => this.#machine.fillStore(false));
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
    if (this.#machine.killed) await this.#replace(0);
  }

  async #editByHand(on: string, what: "replicas" | "image" | "delete"): Promise<void> {
    const { cluster, tally, changes } = this.#machine;
    const { store } = cluster;
    const deployments = store.list({ group: "apps", kind: "Deployment" }) as Deployment[];
    const live = deployments.find(({ metadata }) => metadata.name === on);
    if (live === undefined) return;
    if (what === "delete") {
      tally.add("Deployment deleted by hand");
      changes.mayGo.add(keyOf(live));
      store.delete(keyOf(live));
    } else {
      tally.add("Deployment edited by hand");
      const { template } = live.spec;
      const containers = template.spec.containers.map((container) => ({ ...container, image: "good:hand" }));
      const spec =
        what === "replicas"
          ? { ...live.spec, replicas: (live.spec.replicas ?? 1) + 2 }
          : { ...live.spec, template: { ...template, spec: { ...template.spec, containers } } };
      store.update({ ...live, spec });
    }
    await settle();
  }

  async #restart(how: "kill" | "close", afterSteps: number, downMs: number): Promise<void> {
    const { tally, clock } = this.#machine;
    if (how === "kill") {
      this.#machine.killAfter(afterSteps);
      await clock.virtual.runUntil(() => this.#machine.killed, 5_000);
      return this.#replace(downMs);
    }
    tally.add("daemon closed");
    await this.#machine.close();
    await clock.virtual.advance(downMs);
    return this.#up();
  }

  /** Buries the daemon and starts the next one after a while. */
  async #replace(downMs: number): Promise<void> {
    const { tally, clock } = this.#machine;
    tally.add("daemon killed");
    await this.#machine.bury();
    await clock.virtual.advance(downMs);
    await this.#up();
  }

  /** Starts daemons until one stays up. */
  async #up(): Promise<void> {
    const { clock } = this.#machine;
    while (!(await this.#machine.start())) {
      if (this.#machine.killed) {
        this.#machine.tally.add("daemon killed");
        await this.#machine.bury();
      } else await clock.virtual.advance(START_AGAIN_MS);
    }
    await settle();
  }

  async #killKubelet(downMs: number): Promise<void> {
    const { kubelets, weather, tally } = this.#machine;
    tally.add("kubelet killed");
    kubelets.kill();
    // Whoever talks to it sees the connection break.
    weather.begin("link down", downMs);
    await this.#pass(downMs);
    await kubelets.start();
    await settle();
  }

  /** No more faults: everything comes to rest, at the right place, and stays there. */
  async rest(): Promise<void> {
    const { weather, clock, witness } = this.#machine;
    weather.clear();
    this.#machine.fillStore(false);
    this.#machine.disarm();
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
    else {
      await checkRest(this.#machine, {
        replaceDaemon: () => this.#replace(1_000),
        replaceKubelet: () => this.#killKubelet(1_000),
      });
    }
  }
}
