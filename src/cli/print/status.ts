/** The daemon's status as text: one line about itself, one block an app. */

import { silentKubeletHint } from "../../kubelet/silent.ts";
import { displayId } from "../../model/object.ts";
import { shortId } from "../../model/source.ts";
import type { AppPhase, AppStatus, DaemonStatus, KubeletStatus, TargetStatus } from "../../model/status.ts";
import type { Style } from "../output.ts";
import { ageOf } from "./age.ts";
import { printable } from "./escape.ts";
import { expandTabs } from "./tabwriter.ts";

const PHASE_COLOUR: Readonly<Record<AppPhase, "green" | "yellow" | "red">> = {
  Starting: "yellow",
  Synced: "green",
  Progressing: "yellow",
  Held: "yellow",
  Rejected: "red",
  Failed: "red",
  RolledBack: "red",
  Contested: "yellow",
  Unreadable: "red",
};

/** Phases in which deletions may wait for a person; objects that ask to be kept are listed as held in all. */
const MAY_HOLD: ReadonlySet<AppPhase> = new Set(["Held", "RolledBack"]);

export function formatStatus(status: DaemonStatus, now: number, style: Style): string {
  const { kubelet } = status;
  const uptime = ageOf(status.startedAt, now);
  const runs = kubelet === undefined ? targetText(status.target) : runtimeText(status, kubelet, now, style);
  const head = `trueup ${status.version}, process ${status.pid}, up ${uptime}; ${runs}`;
  const blocks = status.apps.map((app) => appText(app, now, style));
  if (blocks.length === 0) blocks.push("no apps\n");
  const hint = kubelet?.silentSince === undefined ? "" : `hint: ${silentKubeletHint(kubelet.pid)}\n`;
  return [`${head}\n`, hint, `state in ${status.stateDir}\n`, ...blocks.map((block) => `\n${block}`)].join("");
}

/** `target staging: kubernetes at https://10.0.0.1:6443 (context staging-admin)` */
function targetText({ name, kind, server, context }: TargetStatus): string {
  const at = server === undefined ? "" : ` at ${server}`;
  const by = context === undefined ? "" : ` (context ${context})`;
  return printable(`target ${name}: ${kind}${at}${by}`);
}

function runtimeText({ runtime }: DaemonStatus, kubelet: KubeletStatus, now: number, style: Style): string {
  const text = kubeletText(kubelet, now, style);
  return runtime === undefined ? text : `runtime ${runtime}, ${text}`;
}

function kubeletText({ connected, pid, silentSince }: KubeletStatus, now: number, style: Style): string {
  if (silentSince !== undefined) {
    return style.red(`kubelet process ${pid ?? ""} not answering since ${silentSince} (${ageOf(silentSince, now)})`);
  }
  return connected ? `kubelet process ${pid ?? "in the daemon"}` : style.red("kubelet not connected");
}

function appText(app: AppStatus, now: number, style: Style): string {
  const { head } = app;
  const phase = style[PHASE_COLOUR[app.phase]](app.phase);
  const ref = app.ref.replace(/^refs\/heads\//, "");
  const directory = app.path === "" ? "" : `, directory ${app.path}`;
  const facts: [string, string][] = [
    ["repository", `${app.repository} (${ref}${directory})`],
    ["head", head === null ? "no commit yet" : headText(head, now)],
    ["applied", app.applied === null ? "nothing yet" : shortId(app.applied)],
    ["health", app.health.reason === "" ? app.health.status : `${app.health.status}: ${app.health.reason}`],
  ];
  // The reason of a rejection is its first error, and that follows with all the others; a rollout waits for health.
  const isTold = (app.phase === "Rejected" && app.diagnostics.length > 0) || app.reason === app.health.reason;
  if (app.reason !== "" && !isTold) facts.push([app.phase === "Progressing" ? "waits for" : "why", app.reason]);
  for (const { id, reason } of app.held) facts.push(["held", `${displayId(id)}: ${reason}`]);
  if (MAY_HOLD.has(app.phase) && app.held.length > 0 && app.planDigest !== null) {
    const discard = app.phase === "Held" ? ", or trueup discard" : "";
    facts.push(["approve", `trueup approve ${app.planDigest.replace(/^sha256:/, "").slice(0, 12)}${discard}`]);
  }
  for (const { id, fields, until } of app.contested) {
    facts.push(["contested", `${displayId(id)} ${fields.join(", ")}: left alone until ${until}`]);
  }
  for (const { severity, message, location } of app.diagnostics) {
    facts.push([severity, `${location.file}:${location.line}:${location.column}: ${message}`]);
  }
  const lines = facts.map(([name, value]) => `  ${name}\t${printable(value).replaceAll("\n", "\n  \t")}`);
  return `${style.bold(app.app)}: ${phase}\n${expandTabs(lines.join("\n"))}\n`;
}

function headText({ commit, subject, author, authoredAt }: NonNullable<AppStatus["head"]>, now: number): string {
  return `${shortId(commit)} ${subject} (${author}, ${ageOf(authoredAt, now)} ago)`;
}
