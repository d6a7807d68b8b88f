/** What the Kubernetes benchmarks run: repositories with commits to come, and reconcilers that tell when writes were answered. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Fleet } from "../src/daemon/fleet.ts";
import { openRepository } from "../src/git/repository.ts";
import { SqliteLedger } from "../src/ledger/sqlite-ledger.ts";
import { SystemClock } from "../src/util/clock.ts";
import { type Answer, type BenchCluster, type Counts, now } from "./kubernetes-control-plane.ts";
import { git, pause, until } from "./trueup.ts";

const BETWEEN_ROUNDS_MS = 250;

/** Writes files and commits them. @returns The commit's id */
export function commit(repository: string, files: Readonly<Record<string, string>>, message: string): string {
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(repository, path, ".."), { recursive: true });
    writeFileSync(join(repository, path), text);
  }
  git(repository, "add", "--all");
  git(repository, "commit", "--quiet", "--message", message);
  return git(repository, "rev-parse", "HEAD");
}

/** Whether an answer is to a write of an app's object, neither to its rehearsal nor to a write of trueup's own records. */
function isApplied({ call: { method, path, query } }: Answer): boolean {
  return method === "PATCH" && query?.dryRun === undefined && !path.includes("/trueup-system/");
}

/** The daemon's reconcilers on a cluster, in this process. */
export class World {
  readonly fleet: Fleet;
  readonly #applied: Answer[];
  readonly #ends: (() => unknown)[];

  private constructor(fleet: Fleet, applied: Answer[], ends: (() => unknown)[]) {
    this.fleet = fleet;
    this.#applied = applied;
    this.#ends = ends;
  }

  /** @param owner Id under which the apps' objects are owned */
  static async make(cluster: BenchCluster, repositoryPath: string, state: string, owner: string): Promise<World> {
    mkdirSync(state, { recursive: true });
    const applied: Answer[] = [];
    const backend = await cluster.backend(owner, (answer) => {
      if (isApplied(answer)) applied.push(answer);
    });
    const repository = await openRepository(repositoryPath);
    const ledger = new SqliteLedger({ path: join(state, "ledger.db") });
    const fleet = new Fleet({
      target: "bench",
      repository,
      ref: "main",
      backend,
      ledger,
      images: { update: () => Promise.resolve(), digests: () => ({}) },
      imagePaths: [],
      clock: new SystemClock(),
      configKey: new Uint8Array(32),
      log: { info: () => undefined, warn: console.error, error: console.error },
      onImages: () => undefined,
    });
    const ends = [() => fleet.close(), () => backend.close(), () => ledger.close(), () => repository.close()];
    return new World(fleet, applied, ends);
  }

  async close(): Promise<void> {
    for (const end of this.#ends) await end();
  }

  /** Milliseconds since the epoch of the answer to the last of this many writes of objects, from now on. */
  async applies(count: number, doIt: () => unknown): Promise<number> {
    const last = this.#applied.length + count - 1;
    await doIt();
    for (;;) {
      const answer = this.#applied[last];
      if (answer !== undefined) return answer.at;
      const failed = this.fleet.statuses().find(({ phase }) => phase === "Rejected" || phase === "Failed");
      if (failed !== undefined) throw new Error(`${failed.app} is ${failed.phase}: ${failed.reason}`);
      await pause(count > 1 ? 500 : 10);
    }
  }
}

/** What moving the ref and asking again cost, in milliseconds, and the requests of the former. */
export interface Rounds {
  /** From moving the ref to a commit that changes one object, until the server had answered that write. */
  commits: number[];
  oneCommit: Counts;
  /** From moving the ref to a commit that changes none, until every app said so. */
  empty: number[];
  passes: number[];
  passed: Counts;
}

/** @param commits One that changes an object, then one that changes none, and so on */
export async function measureRounds(
  cluster: BenchCluster,
  world: World,
  repository: string,
  commits: readonly string[],
): Promise<Rounds> {
  const { fleet } = world;
  let mark = await cluster.mark();
  const changing: number[] = [];
  const empty: number[] = [];
  for (const [index, id] of commits.entries()) {
    const moved = now();
    const move = (): string => git(repository, "update-ref", "refs/heads/main", id);
    if (index % 2 === 0) changing.push((await world.applies(1, move)) - moved);
    else move();
    await until("all apps at the head", () => fleet.statuses().every(({ head }) => head?.commit === id) || undefined);
    await fleet.settled();
    if (index % 2 === 1) empty.push(now() - moved);
    await pause(BETWEEN_ROUNDS_MS);
  }
  const oneCommit = await cluster.counts(mark);
  mark = await cluster.mark();
  const passes: number[] = [];
  for (const _ of commits) {
    const asked = now();
    await fleet.settled();
    passes.push(now() - asked);
  }
  return { commits: changing, oneCommit, empty, passes, passed: await cluster.counts(mark) };
}
