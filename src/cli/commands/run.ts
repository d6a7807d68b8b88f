/** `trueup run`: keeps what runs true to a repository, in the foreground, until it is told to end. */
import { resolve } from "node:path";
import type { RunningDaemon } from "../../daemon/daemon.ts";
import { defaultStateDir } from "../../daemon/paths.ts";
import { type KubernetesSettings, SYSTEM_NAMESPACE } from "../../daemon/target.ts";
import { TrueupError } from "../../model/errors.ts";
import { asCommitId } from "../../model/source.ts";
import type { DaemonStatus } from "../../model/status.ts";
import type { Command, CommandContext, Invocation } from "../command.ts";
import { readDuration } from "../duration.ts";
import { type LaunchOptions, launchDaemon } from "../launch.ts";
import { narrateDaemon } from "../live/narrator.ts";
import { untilSettled } from "../live/settle.ts";
import { readOperatorConfig } from "../operator-config.ts";
import { printableLine } from "../print/escape.ts";

/** Name of the target when the daemon runs in the cluster that it applies to. */
const IN_CLUSTER = "in-cluster";

export const command: Command = {
  options: [
    {
      flags: "--config <file>",
      summary: "the operator's configuration: repository, ref, images, trust, limits",
      completes: "file",
    },
    { flags: "--ref <ref>", summary: "branch or full ref to follow (default: HEAD, whatever is checked out)" },
    { flags: "--commit <id>", summary: "stay at this commit instead" },
    { flags: "--path <dir>", summary: "only this directory of the repository, as one app", completes: "directory" },
    { flags: "-n, --namespace <name>", summary: "namespace for objects that name none (default: default)" },
    {
      flags: "--images <dir...>",
      summary: "look for images here too, after the repository's images/",
      completes: "directory",
    },
    { flags: "--context <name>", summary: "apply to the Kubernetes cluster of this context of the kubeconfig" },
    {
      flags: "--kubeconfig <file>",
      summary: "file with clusters and credentials (default: KUBECONFIG, else ~/.kube/config)",
      completes: "file",
    },
    { flags: "--in-cluster", summary: "apply to the cluster in which trueup itself runs, with its pod's credentials" },
    { flags: "--target <name>", summary: "with --config: apply to this target of the file" },
    {
      flags: "--adopt",
      summary: "take over objects that are there and that no app applied; trueup plan --adopt shows which",
    },
    { flags: "--once", summary: "apply the head, wait for its outcome, and end; pods keep running" },
    { flags: "--timeout <duration>", summary: "with --once: give up after this long, as 30s or 15m (default: never)" },
  ],
  examples: [
    { line: "trueup run", does: "keep the repository of this directory true, whatever branch is checked out" },
    { line: "trueup run ~/shop --ref main --path deploy", does: "follow main, and only its deploy/ directory" },
    { line: "trueup run --config ops/trueup.config.yaml", does: "as the operator's file says, wherever it lies" },
    { line: "trueup run ~/shop --context staging", does: "keep a Kubernetes cluster true to the repository" },
    { line: "trueup run --once --timeout 15m && trueup get pods", does: "deploy the head from a script" },
  ],
  details:
    "Ctrl-C ends the daemon and leaves the pods running: the next run adopts them. trueup down ends both. On a Kubernetes " +
    "cluster neither ends anything but the daemon.\n" +
    "With --once, exit code 0 says that the head runs (or that deletions wait for approval), 1 that it does not, or that nobody could " +
    "tell: where trueup is refused it waits ten seconds, where git or the cluster is away five minutes.\n" +
    "A daemon follows one repository; when --config names several, REPO says which. The file is never taken from the " +
    "repository by itself: only --config names it. Its schema: schemas/trueup.config.schema.json.",
  async run(context, invocation) {
    const options = await launchOptions(context, invocation);
    const once = invocation.flag("once");
    const limitMs = timeoutOf(invocation, once);
    const daemon = await launchDaemon(options);
    return once ? runOnce(context, daemon, options.ref, limitMs) : runOn(context, daemon, options.ref);
  },
};

function timeoutOf({ text }: Invocation, once: boolean): number | undefined {
  const timeout = text("timeout");
  if (timeout === undefined) return undefined;
  // As kubectl takes it: 0 is no limit.
  if (once) return readDuration("timeout", timeout) || undefined;
  throw new TrueupError("usage", "Cannot use --timeout as --once must be there: without it, nothing is waited for.");
}

async function launchOptions(context: CommandContext, invocation: Invocation): Promise<LaunchOptions> {
  const { args, text, list, flag } = invocation;
  if (text("config") !== undefined) return configuredOptions(context, invocation);
  const repository = resolve(context.cwd, args[0] ?? ".");
  const ref = text("ref") ?? "HEAD";
  const path = text("path");
  const namespace = text("namespace") ?? "default";
  const target = clusterOf(context, invocation);
  const scope = { repository, ref, path: path ?? "", ...(target !== undefined && { target: target.name }) };
  const stateDir = context.stateDir ?? (await defaultStateDir(context.env, scope));
  const commit = text("commit");
  const isOneApp = path !== undefined || text("namespace") !== undefined;
  return {
    repository,
    ref,
    ...(commit !== undefined && { pin: readCommit(commit) }),
    ...(isOneApp && { only: { path: path ?? "", namespace } }),
    ...(target !== undefined && { target }),
    ...(flag("adopt") && { policy: { adopt: true } }),
    imagePaths: list("images").map((dir) => resolve(context.cwd, dir)),
    stateDir,
    env: context.env,
  };
}

/** The cluster that the options name; absent for the embedded one. */
function clusterOf({ cwd }: CommandContext, { text, flag }: Invocation): KubernetesSettings | undefined {
  const [context, kubeconfig, inCluster] = [text("context"), text("kubeconfig"), flag("in-cluster")];
  if (text("target") !== undefined) {
    throw new TrueupError("usage", "Cannot use --target as --config must name the file that has it: it is not given.", {
      hint: "Without a file, --context or --in-cluster says where to apply.",
    });
  }
  const other = context === undefined ? (kubeconfig === undefined ? undefined : "--kubeconfig") : "--context";
  if (inCluster && other !== undefined) {
    throw new TrueupError("usage", `Cannot use ${other} as --in-cluster must be the only one: both are given.`);
  }
  if (!inCluster && other === undefined) return undefined;
  if (!inCluster && context === undefined) {
    throw new TrueupError(
      "usage",
      "Cannot use --kubeconfig as --context must say which cluster is meant: it is not given.",
      {
        hint: "The current context may be another tomorrow. kubectl config get-contexts lists them.",
      },
    );
  }
  return {
    kind: "kubernetes",
    name: context ?? IN_CLUSTER,
    ...(context !== undefined && { context }),
    ...(kubeconfig !== undefined && { kubeconfig: resolve(cwd, kubeconfig) }),
    inCluster,
    ledger: "local",
    namespace: SYSTEM_NAMESPACE,
  };
}

/** Options that say what the configuration says; both would leave open which one counts. */
const SAID_BY_CONFIG = ["ref", "commit", "path", "namespace", "context", "kubeconfig"];

async function configuredOptions(context: CommandContext, invocation: Invocation): Promise<LaunchOptions> {
  const { args, text, list, flag } = invocation;
  const twice = flag("in-cluster") ? "in-cluster" : SAID_BY_CONFIG.find((option) => text(option) !== undefined);
  if (twice !== undefined) {
    throw new TrueupError("usage", `Cannot use --${twice} as --config must say what is followed: both are given.`);
  }
  const [chosen] = args;
  const file = resolve(context.cwd, text("config") ?? "");
  const to = text("target");
  const { state, imagePaths, ...rest } = await readOperatorConfig(file, {
    ...(chosen !== undefined && { repository: resolve(context.cwd, chosen) }),
    ...(to !== undefined && { target: to }),
  });
  const { repository, ref, target } = rest;
  const scope = { repository, ref, path: "", ...(target?.kind === "kubernetes" && { target: target.name }) };
  return {
    ...rest,
    ...(flag("adopt") && { policy: { ...rest.policy, adopt: true } }),
    imagePaths: [...imagePaths, ...list("images").map((dir) => resolve(context.cwd, dir))],
    stateDir: context.stateDir ?? state ?? (await defaultStateDir(context.env, scope)),
    env: context.env,
  };
}

function readCommit(text: string): ReturnType<typeof asCommitId> {
  try {
    return asCommitId(text);
  } catch (error) {
    throw new TrueupError("usage", `Cannot stay at a commit as --commit must be a full commit id: it is "${text}".`, {
      hint: `git rev-parse ${text} prints the full id.`,
      cause: error,
    });
  }
}

async function runOnce(
  { err, clock, signal }: CommandContext,
  daemon: RunningDaemon,
  ref: string,
  limitMs: number | undefined,
): Promise<0 | 1> {
  const story = new AbortController();
  const narration = narrateDaemon(daemon.service, err, clock, story.signal);
  const interrupted = Promise.withResolvers<never>();
  signal.addEventListener("abort", () => interrupted.reject(signal.reason), { once: true });
  try {
    // A story that breaks must be heard now, not when the daemon has settled.
    const broken = narration.then(() => interrupted.promise);
    const settled = untilSettled(daemon, clock, limitMs);
    const { status, givenUp } = await Promise.race([settled, interrupted.promise, broken]);
    const code = exitCodeOf(status, ref);
    // Rejections and failures were told as they came; what was already so when the daemon began was not.
    for (const { app, phase, reason } of status.apps) {
      if (phase === "Progressing" || phase === "Starting" || phase === "Unreadable") {
        await err.line(`${app} is ${phase}: ${printableLine(reason)}`);
      }
    }
    if (givenUp === null) return code;
    await err.line(`Waited no longer: ${givenUp}.`);
    return 1;
  } finally {
    story.abort();
    await narration.finally(() => daemon.stop({ stopPods: false }));
  }
}

function exitCodeOf({ apps }: DaemonStatus, ref: string): 0 | 1 {
  if (apps.length === 0) {
    throw new TrueupError("not-found", `Cannot apply ${ref} as it must have a commit: it has none.`, {
      hint: "Commit something, or name another ref with --ref.",
    });
  }
  return apps.every(({ phase }) => phase === "Synced" || phase === "Held") ? 0 : 1;
}

function whatStays({ kubelet }: DaemonStatus): string {
  if (kubelet === undefined) return "what it applied stays on the cluster. trueup run goes on with it.";
  return "pods keep running. trueup run adopts them, trueup down ends them.";
}

async function runOn(context: CommandContext, daemon: RunningDaemon, ref: string): Promise<0> {
  const { out, err, clock, signal } = context;
  if (daemon.service.status().apps.length === 0) await err.line(`${ref} has no commit yet: waiting for one.`);
  const story = new AbortController();
  const stop = (): void => story.abort();
  signal.addEventListener("abort", stop, { once: true });
  void daemon.ended.then(stop, stop);
  if (signal.aborted) stop();
  try {
    await narrateDaemon(daemon.service, out, clock, story.signal);
  } finally {
    signal.removeEventListener("abort", stop);
    if (signal.aborted) await err.line(`\nThe daemon ends; ${whatStays(daemon.service.status())}`);
    await daemon.stop({ stopPods: false });
  }
  return 0;
}
