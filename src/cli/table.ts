/** Every command's static face, in the order in which `trueup --help` shows them; the code is loaded when one is invoked. */
import type { CommandEntry } from "./command.ts";

export const COMMANDS: readonly CommandEntry[] = [
  {
    name: "demo",
    arguments: "",
    summary: "run a sample repository and show its rollouts live; Ctrl-C takes everything down",
    group: "Run",
    load: () => import("./commands/demo.ts"),
  },
  {
    name: "run",
    arguments: "[repo]",
    summary: "keep what runs true to a git repository",
    group: "Run",
    completes: ["directory"],
    load: () => import("./commands/run.ts"),
  },
  {
    name: "down",
    arguments: "",
    summary: "end a daemon and the pods that it left running",
    group: "Run",
    load: () => import("./commands/down.ts"),
  },
  {
    name: "status",
    arguments: "",
    summary: "show what the daemon does: commit, phase, health, and what it waits for",
    group: "Look",
    load: () => import("./commands/status.ts"),
  },
  {
    name: "get",
    arguments: "<kind> [names...]",
    summary: "list objects as kubectl does: pods, deployments, services, all",
    group: "Look",
    completes: ["kind", "object"],
    load: () => import("./commands/get.ts"),
  },
  {
    name: "describe",
    arguments: "<kind> [name]",
    summary: "show everything about an object, with its commit and its events",
    group: "Look",
    completes: ["object", "object"],
    load: () => import("./commands/describe.ts"),
  },
  {
    name: "logs",
    arguments: "<pod>",
    summary: "print what a pod's container printed",
    group: "Look",
    completes: ["pod"],
    load: () => import("./commands/logs.ts"),
  },
  {
    name: "events",
    arguments: "",
    summary: "list what happened, oldest first",
    group: "Look",
    load: () => import("./commands/events.ts"),
  },
  {
    name: "log",
    arguments: "",
    summary: "list the commits that were tried, and how each ended",
    group: "Look",
    load: () => import("./commands/log.ts"),
  },
  {
    name: "rollout status",
    arguments: "<kind> [name]",
    summary: "follow a rollout to its end, and say what it waits for",
    group: "Look",
    completes: ["object", "object"],
    load: () => import("./commands/rollout-status.ts"),
  },
  {
    name: "rollout history",
    arguments: "<kind> [name]",
    summary: "list a workload's revisions with their commits",
    group: "Look",
    completes: ["object", "object"],
    load: () => import("./commands/rollout-history.ts"),
  },
  {
    name: "validate",
    arguments: "[paths...]",
    summary: "check manifests; needs no daemon",
    group: "Check before you commit",
    completes: ["file"],
    load: () => import("./commands/validate.ts"),
  },
  {
    name: "diff",
    arguments: "[revision]",
    summary: "show how a revision differs from what runs, or two revisions from each other",
    group: "Check before you commit",
    completes: ["revision"],
    load: () => import("./commands/diff.ts"),
  },
  {
    name: "plan",
    arguments: "[revision]",
    summary: "show what a revision would change, in order",
    group: "Check before you commit",
    completes: ["revision"],
    load: () => import("./commands/plan.ts"),
  },
  {
    name: "simulate",
    arguments: "[revision]",
    summary: "play a revision's rollout on a virtual clock",
    group: "Check before you commit",
    completes: ["revision"],
    load: () => import("./commands/simulate.ts"),
  },
  {
    name: "set image",
    arguments: "<target> <images...>",
    summary: "give a workload's containers other images",
    group: "Change, by a commit",
    completes: ["object"],
    load: () => import("./commands/set-image.ts"),
  },
  {
    name: "scale",
    arguments: "<kind> [name]",
    summary: "change how many replicas a workload has",
    group: "Change, by a commit",
    completes: ["object", "object"],
    load: () => import("./commands/scale.ts"),
  },
  {
    name: "rollout undo",
    arguments: "<kind> [name]",
    summary: "bring back the pod template of an earlier revision",
    group: "Change, by a commit",
    completes: ["object", "object"],
    load: () => import("./commands/rollout-undo.ts"),
  },
  {
    name: "revert",
    arguments: "[commit]",
    summary: "take a commit back by a new one: the head that failed, or the one that is named",
    group: "Change, by a commit",
    completes: ["revision"],
    load: () => import("./commands/revert.ts"),
  },
  {
    name: "rollout pause",
    arguments: "<kind> [name]",
    summary: "keep template changes from rolling out",
    group: "Change, by a commit",
    completes: ["object", "object"],
    load: () => import("./commands/rollout-pause.ts"),
  },
  {
    name: "rollout resume",
    arguments: "<kind> [name]",
    summary: "let template changes roll out again",
    group: "Change, by a commit",
    completes: ["object", "object"],
    load: () => import("./commands/rollout-resume.ts"),
  },
  {
    name: "rollout restart",
    arguments: "<kind> [name]",
    summary: "replace all pods, one rollout's way",
    group: "Change, by a commit",
    completes: ["object", "object"],
    load: () => import("./commands/rollout-restart.ts"),
  },
  {
    name: "approve",
    arguments: "<digest>",
    summary: "let the held deletions of a plan go ahead",
    group: "Decide",
    load: () => import("./commands/approve.ts"),
  },
  {
    name: "discard",
    arguments: "[app]",
    summary: "end an attempt without its held deletions: what they would remove stays",
    group: "Decide",
    load: () => import("./commands/discard.ts"),
  },
  {
    name: "retry",
    arguments: "[app]",
    summary: "try the head again after it failed",
    group: "Decide",
    load: () => import("./commands/retry.ts"),
  },
  {
    name: "backup",
    arguments: "<directory>",
    summary: "copy history, objects and images, also while the daemon runs",
    group: "Keep",
    completes: ["directory"],
    load: () => import("./commands/backup.ts"),
  },
  {
    name: "restore",
    arguments: "<directory>",
    summary: "make a state directory of a backup",
    group: "Keep",
    completes: ["directory"],
    load: () => import("./commands/restore.ts"),
  },
  {
    name: "completion",
    arguments: "[shell]",
    summary: "print the completion script of a shell: bash, zsh or fish",
    group: "Other",
    load: () => import("./commands/completion.ts"),
  },
  {
    name: "kubelet",
    arguments: "",
    summary: "run pods (started by the daemon)",
    load: () => import("./commands/kubelet.ts"),
  },
];

/** Commands that only hold others, with what they are for. */
export const COMMAND_GROUPS: Readonly<Record<string, string>> = {
  rollout: "follow, inspect and undo rollouts",
  set: "change one thing of a workload",
};

/** Options that every command takes, before or after its name. */
export const GLOBAL_OPTIONS = [
  { flags: "-C <dir>", summary: "act as if started in this directory", completes: "directory" },
  { flags: "--state <dir>", summary: "state directory of the daemon meant", completes: "directory" },
] as const;

/** Which entry the words name: the first word, or the first two inside a group. */
export function findEntry(words: readonly string[]): CommandEntry | undefined {
  const [first, second] = words;
  return COMMANDS.find(({ name }) => name === first || name === `${first} ${second}`);
}
