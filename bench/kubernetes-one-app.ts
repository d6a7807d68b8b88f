/** One app with thousands of objects on a Kubernetes cluster: what a commit and a pass cost that have all of them to answer for. */
import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { type BenchCluster, type Counts, now } from "./kubernetes-control-plane.ts";
import { commit, measureRounds, type Rounds, World } from "./kubernetes-world.ts";
import { git } from "./trueup.ts";

const NAME = "large";

export interface OneAppFigures extends Rounds {
  firstMs: number;
  first: Counts;
}

/** A file each, as people write them. */
function manifest(object: number, value: string): Record<string, string> {
  const metadata = { name: `config-${object}`, namespace: NAME };
  const declared = { apiVersion: "v1", kind: "ConfigMap", metadata, data: { value } };
  return { [`app/${object % 100}/${object}.yaml`]: `${JSON.stringify(declared)}\n` };
}

/** @param objects How many objects the app has, its Namespace included */
export async function measureOneApp(
  cluster: BenchCluster,
  folder: string,
  { objects, rounds }: { objects: number; rounds: number },
): Promise<OneAppFigures> {
  const repository = join(folder, "one-app");
  mkdirSync(repository);
  git(repository, "init", "--quiet", "--initial-branch", "main");
  const namespace = { apiVersion: "v1", kind: "Namespace", metadata: { name: NAME } };
  const all = Array.from({ length: objects - 1 }, (_, object) => manifest(object, "first"));
  const files: Record<string, string> = {
    "trueup.yaml": `apps:\n- { name: ${NAME}, path: app, namespace: ${NAME} }\n`,
    "app/namespace.yaml": `${JSON.stringify(namespace)}\n`,
  };
  commit(repository, Object.assign(files, ...all), "first");
  git(repository, "checkout", "--quiet", "-b", "prepared");
  const commits = Array.from({ length: rounds }, (_, round) => [
    commit(repository, manifest((round * 7) % (objects - 1), `round ${round}`), `change one object, ${round}`),
    commit(repository, { "README.md": `${round}\n` }, `change none, ${round}`),
  ]).flat();
  const world = await World.make(cluster, repository, join(folder, "one-app-state"), NAME);
  try {
    const mark = await cluster.mark();
    const begun = now();
    const firstMs = (await world.applies(objects, () => world.fleet.start())) - begun;
    await world.fleet.settled();
    const first = await cluster.counts(mark);
    return { firstMs, first, ...(await measureRounds(cluster, world, repository, commits)) };
  } finally {
    await world.close();
  }
}
