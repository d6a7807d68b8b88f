/** `trueup validate` on 10,000 objects in 5,000 files, process start included, beside kubeconform on the same files and schemas. */
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { openRepository } from "../src/git/repository.ts";
import { asCommitId, type CommitId } from "../src/model/source.ts";
import { AppSource } from "../src/reconcile/source.ts";
import { DEFAULT_KUBERNETES_VERSION, plainFileName, plainKinds, plainSchemaOf } from "../src/validation/index.ts";
import { machineLine, median, printTable } from "./support.ts";
import { bundledMain, git, inHome } from "./trueup.ts";

const FILES = 5_000;
const RUNS = 5;

/** One file: a Deployment and its Service, or two ConfigMaps; each of the size that such objects have. */
function manifest(at: number): string {
  const name = `app-${at}`;
  if (at % 5 === 4) return `${configMap(`${name}-a`, at)}---\n${configMap(`${name}-b`, at + 1)}`;
  return `${deployment(name, at)}---\n${service(name)}`;
}

function configMap(name: string, at: number): string {
  const data = Array.from({ length: 8 }, (_, line) => `  KEY_${line}: "value ${at * line} of ${name}"\n`).join("");
  const lines = Array.from({ length: 12 }, (_, line) => `    option.${line} = ${at + line}\n`).join("");
  return `apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ${name}\n  labels:\n    app: ${name}\ndata:\n${data}  app.properties: |\n${lines}`;
}

function service(name: string): string {
  return `apiVersion: v1
kind: Service
metadata:
  name: ${name}
  labels:
    app: ${name}
spec:
  selector:
    app: ${name}
  ports:
    - name: http
      port: 80
      targetPort: http
`;
}

function deployment(name: string, at: number): string {
  const env = Array.from(
    { length: 6 },
    (_, n) => `            - name: SETTING_${n}\n              value: "${at + n}"\n`,
  ).join("");
  return `apiVersion: apps/v1
kind: Deployment
metadata:
  name: ${name}
  labels:
    app: ${name}
spec:
  replicas: ${(at % 5) + 1}
  selector:
    matchLabels:
      app: ${name}
  strategy:
    type: RollingUpdate
    rollingUpdate:
      maxSurge: 1
      maxUnavailable: 0
  template:
    metadata:
      labels:
        app: ${name}
    spec:
      containers:
        - name: server
          image: registry.example.com/shop/${name}:v${at % 17}
          ports:
            - name: http
              containerPort: 8080
          env:
${env}          readinessProbe:
            httpGet:
              path: /ready
              port: http
            periodSeconds: 5
          livenessProbe:
            httpGet:
              path: /live
              port: http
`;
}

/** Our schemas in the layout that kubeconform looks for: one file a kind, which holds all that it refers to. */
function writeSchemas(directory: string): void {
  mkdirSync(directory);
  for (const kind of plainKinds(DEFAULT_KUBERNETES_VERSION)) {
    const schema = plainSchemaOf(DEFAULT_KUBERNETES_VERSION, kind);
    writeFileSync(join(directory, plainFileName(kind)), JSON.stringify(schema));
  }
}

/** In the daemon: from a commit that changes one file to what is wrong with the whole app, read and compared anew. */
async function measureDaemon(directory: string, changed: string): Promise<Measured> {
  git(directory, "init", "--quiet", "--initial-branch", "main");
  const commit = (): CommitId => {
    git(directory, "add", "--all");
    git(directory, "commit", "--quiet", "--message", "bench");
    return asCommitId(git(directory, "rev-parse", "HEAD"));
  };
  const first = commit();
  const repository = await openRepository(directory);
  try {
    const source = new AppSource(repository, { path: "", namespace: "default" }, null);
    const never = new AbortController().signal;
    let base = await source.snapshot(first, null, never);
    const times: number[] = [];
    for (let run = 0; run <= RUNS; run++) {
      writeFileSync(changed, manifest(1).replace("replicas: 2", `replicas: ${run + 10}`));
      const head = commit();
      const begun = performance.now();
      base = await source.snapshot(head, base, never);
      if (run > 0) times.push(performance.now() - begun);
    }
    return { times, peak: 0 };
  } finally {
    await repository.close();
  }
}

interface Measured {
  times: number[];
  /** Highest resident set of the runs, kilobytes. */
  peak: number;
}

/** Runs a program so many times after one that is not counted, each after `before`; GNU time says its memory. */
function measure(argv: readonly string[], env: NodeJS.ProcessEnv, before?: (run: number) => void): Measured {
  const measured: Measured = { times: [], peak: 0 };
  for (let run = 0; run <= RUNS; run++) {
    before?.(run);
    const begun = performance.now();
    const { status, stdout } = spawnSync(argv[0] ?? "", argv.slice(1), { env, encoding: "utf8", maxBuffer: 2 ** 28 });
    if (run > 0) measured.times.push(performance.now() - begun);
    if (status !== 0) throw new Error(`${argv.join(" ")} ended with ${status}: ${stdout.slice(0, 500)}`);
  }
  if (existsSync("/usr/bin/time")) {
    const { stderr } = spawnSync("/usr/bin/time", ["-f", "%M", ...argv], { env, encoding: "utf8", maxBuffer: 2 ** 28 });
    measured.peak = Number(stderr.trim().split("\n").at(-1));
  }
  return measured;
}

const work = mkdtempSync(join(tmpdir(), "trueup-bench-validate-"));
try {
  const manifests = join(work, "manifests");
  for (let at = 0; at < FILES; at++) {
    const directory = join(manifests, `team-${at % 50}`);
    mkdirSync(directory, { recursive: true });
    writeFileSync(join(directory, `app-${at}.yaml`), manifest(at));
  }
  const schemas = join(work, "schemas");
  writeSchemas(schemas);
  const main = await bundledMain();
  const rows: string[][] = [];
  await inHome(async ({ env }) => {
    const location = `${schemas}/{{.ResourceKind}}{{.KindSuffix}}.json`;
    const kubeconform = process.env.KUBECONFORM ?? "kubeconform";
    const there = spawnSync(kubeconform, ["-v"]).error === undefined;
    const peer = there ? measure([kubeconform, "-strict", "-schema-location", location, manifests], env) : undefined;
    const validate = [process.execPath, main, "validate", manifests];
    const changed = join(manifests, "team-1", "app-1.yaml");
    const touch = (run: number): void =>
      writeFileSync(changed, manifest(1).replace("replicas: 2", `replicas: ${run + 3}`));
    for (const [what, measured] of [
      ["kubeconform -strict", peer],
      ["trueup validate --schemas-only", measure([...validate, "--no-cache", "--schemas-only"], env)],
      ["trueup validate, all rules", measure([...validate, "--no-cache"], env)],
      ["again with one file changed, --schemas-only", measure([...validate, "--schemas-only"], env, touch)],
      ["again with one file changed, all rules", measure(validate, env, touch)],
      ["a commit that changes one file, in the daemon", await measureDaemon(manifests, changed)],
    ] as const) {
      if (measured === undefined) {
        rows.push([what, "not installed", "", "", ""]);
        continue;
      }
      const ratio = peer === undefined ? "" : (median(measured.times) / median(peer.times)).toFixed(2);
      const memory = measured.peak === 0 ? "" : `${(measured.peak / 1024).toFixed(0)} MB`;
      const [middle, least, most] = [median(measured.times), Math.min(...measured.times), Math.max(...measured.times)];
      rows.push([what, `${middle.toFixed(0)} ms`, `${least.toFixed(0)}–${most.toFixed(0)} ms`, memory, ratio]);
    }
  });
  console.log(machineLine());
  printTable(["10,000 objects in 5,000 files", "median", "min–max", "peak memory", "of kubeconform"], rows);
  console.log(
    `${RUNS} runs after one that is not counted, so files and compiled code are in the caches. $KUBECONFORM names the program.`,
  );
} finally {
  rmSync(work, { recursive: true, force: true });
}
