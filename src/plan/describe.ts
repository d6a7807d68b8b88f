/** A plan as a person would say it. */
import { displayId } from "../model/object.ts";
import type { AdoptedFrom, Change, ChangeAction, FieldChange, Plan } from "../model/plan.ts";
import { shortId } from "../model/source.ts";
import { isOnlyStamp } from "./config-digest.ts";
import { replaceFault } from "./replace.ts";
import { stageText } from "./stages.ts";

const SIGN: Readonly<Record<ChangeAction, string>> = {
  create: "+",
  update: "~",
  replace: "!",
  delete: "-",
  unchanged: " ",
};

/** Longest shown value; the rest of it is in the diff. */
const LONGEST_VALUE = 80;

/** `1 to create, 2 to update, 1 to delete (held), 4 unchanged`. */
export function summarizePlan(plan: Plan): string {
  const parts: string[] = [];
  for (const action of ["create", "update", "replace", "delete"] as const) {
    const changes = plan.changes.filter((change) => change.action === action && change.hook === undefined);
    if (changes.length === 0) continue;
    const held = changes.filter((change) => change.held !== undefined).length;
    const note = held === 0 ? "" : held === changes.length ? " (held)" : ` (${held} of them held)`;
    parts.push(`${changes.length} to ${action}${note}`);
  }
  const hooks = plan.changes.filter(({ hook }) => hook !== undefined).length;
  if (hooks > 0) parts.push(`${hooks} ${hooks === 1 ? "hook" : "hooks"} to run`);
  if (parts.length === 0) return plan.unchanged === 0 ? "nothing to do" : `nothing to do, ${plan.unchanged} unchanged`;
  return [...parts, `${plan.unchanged} unchanged`].join(", ");
}

/**
 * The whole plan, a line a change and a line a field, without trailing line end.
 *
 * @param remark What else to say of a change, below its fields; null for nothing
 */
export function describePlan(plan: Plan, remark: (change: Change) => string | null = () => null): string {
  const head = `${plan.app} at ${shortId(plan.commit)}: ${summarizePlan(plan)}`;
  let stage: number | undefined;
  const lines = plan.changes.flatMap((change) => {
    const said = remark(change);
    const title = change.stage === stage ? [] : [describeStage(plan, change.stage ?? 0)];
    stage = change.stage;
    return [...title, ...describeChange(change, plan.app), ...(said === null ? [] : [`      ${said}`])];
  });
  return [head, ...lines].join("\n");
}

function describeStage({ stages = [] }: Plan, at: number): string {
  const stage = stages[at];
  const name = stage === undefined ? "" : ` (${stageText(stage)})`;
  const waits = at === 0 ? "" : ", when all before it is well";
  return `  stage ${at + 1} of ${stages.length}${name}${waits}`;
}

function describeChange(change: Change, app: string): string[] {
  const where = change.declared === undefined ? "" : ` (${change.declared.file}:${change.declared.locate([]).line})`;
  return [
    `  ${SIGN[change.action]} ${displayId(change.id)}${where}${noteOf(change, app)}`,
    ...change.fields.map(describeField),
  ];
}

function noteOf(change: Change, app: string): string {
  const { action, restartsPods, held, fields, observed, from, contestedUntil, hook } = change;
  if (hook !== undefined)
    return `: ${hook.phase} hook${action === "replace" ? ", made anew" : ""}, waited for until it has ended`;
  if (contestedUntil !== undefined) return `: left alone until ${contestedUntil}, as somebody else keeps changing it`;
  if (from !== undefined) return `: is taken over from app ${from}${restartsPods ? ", replaces its pods" : ""}`;
  if (held !== undefined) return `: held, ${held}`;
  if (action === "replace") {
    const why = replaceFault(change, app);
    return why === null
      ? ": cannot be changed in place, is deleted and made anew"
      : `: cannot be changed in place; ${why.hint}`;
  }
  if (change.adopts === true) return adoptionNote(change);
  if (restartsPods) return restartNote(change);
  if (action !== "update" || fields.length > 0) return "";
  return observed?.owner === null
    ? ": is there already, trueup takes it over"
    : ": already as declared, to be recorded";
}

const UNKNOWN: AdoptedFrom = { managers: [], claims: [] };

function adoptionNote({ adopted: { managers, claims } = UNKNOWN }: Change): string {
  const from = managers.length === 0 ? "" : `, applied by ${managers.join(", ")}`;
  const still = claims.length === 0 ? "" : `; still claimed by ${claims.join(", ")}, which must give it up`;
  return `: is there already${from}, adopted as the operator asks${still}`;
}

function restartNote({ fields, configChanges }: Change): string {
  if (configChanges === undefined || configChanges.length === 0) return ": replaces its pods";
  const why = configChanges.join(", ");
  return isOnlyStamp(fields) ? `: restarts pods: ${why}` : `: replaces its pods; ${why}`;
}

/** `spec.replicas: 3 → 5`, on one line, indented below its change. */
export function describeField({ path, kind, before, after, setBy }: FieldChange): string {
  const who = setBy === undefined ? "" : ` (set by ${setBy.manager}${setBy.at === undefined ? "" : ` at ${setBy.at}`})`;
  switch (kind) {
    case "add":
      return `      ${path}: ${show(after)} (new)${who}`;
    case "remove":
      return `      ${path}: ${show(before)} (removed)${who}`;
    case "change":
      return `      ${path}: ${show(before)} → ${show(after)}${who}`;
    default:
      return kind satisfies never;
  }
}

/** On one line, without anything that a terminal would act on: JSON escapes all control characters but the last ones. */
function show(value: unknown): string {
  const isPlain = typeof value === "string" && /^[\x20-\x7e]+$/.test(value);
  const text = isPlain ? value : JSON.stringify(value).replace(/[\u007f-\u009f]/g, "\ufffd");
  return text.length <= LONGEST_VALUE ? text : `${text.slice(0, LONGEST_VALUE - 1)}…`;
}
