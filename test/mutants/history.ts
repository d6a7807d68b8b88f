/** Short histories that lead straight to a broken promise, for mutants that random ones come upon too seldom. */
import type { App, SimulatedService, Workload } from "../simulation/app.ts";
import type { History, Step } from "../simulation/history.ts";

export function workload(name: string): Workload {
  return {
    name,
    replicas: 2,
    image: "good:1",
    note: "n",
    rolling: { maxSurge: 1, maxUnavailable: 0 },
    minReadySeconds: 0,
    deadline: 60,
    history: 10,
    paused: false,
    readiness: true,
    liveness: false,
    graceSeconds: 1,
  };
}

function service(to: string): SimulatedService {
  return { name: `${to}-to`, to, http: true, includeNotReady: false };
}

function app(key: string, configs: number): App {
  const name = `${key}-w0`;
  return {
    key,
    onFailure: "keep",
    workloads: [workload(name)],
    services: [service(name)],
    configs: Array.from({ length: configs }, (_, index) => `${key}-c${index}`),
  };
}

interface HistoryOptions {
  /** For what is left to chance. */
  seed?: number;
  /** What the first commit says of the workload of `a`. */
  first?: Partial<Workload>;
  /** Whether the objects of `a` are in waves. */
  isStaged?: boolean;
}

/** Of two apps: `a` with many objects, of which one may go, and `b` with three, of which none may. */
export function historyOf(steps: Step[], { seed = 1, first = {}, isStaged = false }: HistoryOptions = {}): History {
  const a = app("a", 12);
  const workloads = a.workloads.map((each) => ({ ...each, ...first }));
  const apps = [{ ...a, workloads, isStaged }, app("b", 0)];
  return { seed, isWhole: false, isStaged, apps, steps };
}

type Commit = Extract<Step, { do: "commit" }>;

/** A commit of which the daemon hears at once. */
export function commit(on: string, edits: Commit["edits"], rest: Partial<Commit> = {}): Commit {
  return { do: "commit", on, edits, kind: "valid", more: 0, dieAt: null, isHeard: true, ...rest };
}

export function wait(ms: number): Step {
  return { do: "wait", ms };
}
