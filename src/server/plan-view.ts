/** A plan as it travels: without whole objects, with a text diff of each change when asked for. */
import { textDiff } from "../diff/text.ts";
import { asVersion } from "../diff/versions.ts";
import type { Backend } from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";
import type { Ledger } from "../model/ledger.ts";
import { type KubeObject, keyOfId, type ObjectId } from "../model/object.ts";
import type { Change, Plan } from "../model/plan.ts";
import { ANNOTATION } from "../model/workload.ts";
import { describePlan } from "../plan/describe.ts";
import { forecastChange, forecastText, type PlanForecast } from "./plan-forecast.ts";
import { pastRollouts } from "./plan-needs.ts";
import { deploymentsAfter, restartNote } from "./plan-restarts.ts";
import type { PlanOutcome } from "./service.ts";
import type { ChangeView, PlanView } from "./wire.ts";

const REFUSALS: ReadonlySet<string> = new Set(["conflict", "invalid", "forbidden", "not-found"]);

/**
 * @param diff Whether to add each change's text diff: the live object against what the backend would store, so that
 *   defaults show as they are. Secret values are masked.
 * @throws {TrueupError} When the backend cannot be asked
 */
export async function viewPlan(
  outcome: PlanOutcome,
  { backend, ledger }: { backend: Backend; ledger: Ledger },
  diff: boolean,
  signal: AbortSignal,
): Promise<PlanView> {
  if (outcome.kind === "rejected") return outcome;
  const { plan, diagnostics } = outcome;
  const changes: ChangeView[] = [];
  const forecasts = new Map<Change, PlanForecast | null>();
  for (const change of plan.changes) forecasts.set(change, await forecastOf(change, ledger));
  const deployments = await deploymentsOf(plan.changes, backend, signal);
  const notes = new Map(plan.changes.map((change) => [change, restartNote(change, deployments)]));
  for (const change of plan.changes) {
    const view = viewChange(change, forecasts.get(change) ?? null, notes.get(change) ?? null);
    if (diff) view.diff = await diffOf(change, plan.app, backend, signal);
    changes.push(view);
  }
  const remark = (change: Change): string | null => {
    const forecast = forecasts.get(change) ?? null;
    return forecast === null ? (notes.get(change) ?? null) : forecastText(forecast);
  };
  const { app, commit, unchanged, digest, stages } = plan;
  const text = [describePlan(plan, remark), ...closing(plan)].join("\n");
  const staged = stages === undefined ? {} : { stages };
  return { kind: "planned", app, commit, changes, unchanged, ...staged, digest, text, diagnostics };
}

/** The digest, and how to let go ahead what is held. */
function closing({ changes, digest }: Plan): string[] {
  if (changes.length === 0) return [];
  const isHeld = changes.some(({ held }) => held !== undefined);
  return [`  digest ${digest}`, ...(isHeld ? [`  to let the held deletions go ahead: trueup approve ${digest}`] : [])];
}

async function forecastOf(change: Change, ledger: Ledger): Promise<PlanForecast | null> {
  const forecast = forecastChange(change);
  const uid = change.observed?.object.metadata.uid;
  if (forecast === null || uid === undefined) return forecast;
  const past = pastRollouts(await ledger.revisions({ workload: keyOfId(change.id), uid }));
  return past === null ? forecast : { ...forecast, past };
}

/** Asked for only where configuration changes: who uses it. */
async function deploymentsOf(
  changes: readonly Change[],
  backend: Backend,
  signal: AbortSignal,
): Promise<readonly KubeObject[]> {
  if (!changes.some(({ action, id }) => action === "update" && /^(?:ConfigMap|Secret)$/.test(id.kind))) return [];
  const { items } = await backend.list({ group: "apps", kind: "Deployment" }, signal);
  return deploymentsAfter(
    items.map(({ object }) => object),
    changes,
  );
}

function viewChange(
  {
    action,
    id,
    declared,
    fields,
    restartsPods,
    configChanges,
    held,
    from,
    contestedUntil,
    stage,
    hook,
    adopts,
    adopted,
  }: Change,
  forecast: PlanForecast | null,
  podsNote: string | null,
): ChangeView {
  return {
    action,
    id,
    ...(declared !== undefined && { source: `${declared.file}:${declared.locate([]).line}` }),
    fields,
    restartsPods,
    ...(configChanges !== undefined && { configChanges }),
    ...(held !== undefined && { held }),
    ...(from !== undefined && { from }),
    ...(adopts === true && { adopts }),
    ...(adopted !== undefined && { adopted }),
    ...(contestedUntil !== undefined && { contestedUntil }),
    ...(stage !== undefined && { stage }),
    ...(hook !== undefined && { hook: hook.phase }),
    ...(forecast !== null && { forecast }),
    ...(podsNote !== null && { podsNote }),
  };
}

async function diffOf(change: Change, owner: string, backend: Backend, signal: AbortSignal): Promise<string> {
  const live = change.observed?.object ?? null;
  const after = await stored(change, owner, backend, signal);
  const before = live === null || after === null ? live : asVersion(live, after.apiVersion);
  const name = pathOf(change.id);
  const isGits = change.declared?.object.metadata.annotations?.[ANNOTATION.changeCause] !== undefined;
  const [shown, next] = isGits || after === null ? [before, after] : [withoutCause(before), withoutCause(after)];
  return textDiff(shown, next, { beforeName: `live/${name}`, afterName: `git/${name}` });
}

/** Which commit brought the pods is written when it is applied: here it would look as if it were taken away. */
function withoutCause(object: KubeObject | null): KubeObject | null {
  const { [ANNOTATION.changeCause]: cause, ...others } = object?.metadata.annotations ?? {};
  if (object === null || cause === undefined) return object;
  const { annotations: _all, ...metadata } = object.metadata;
  const isBare = Object.keys(others).length === 0;
  return { ...object, metadata: isBare ? metadata : { ...metadata, annotations: others } };
}

async function stored(
  { action, declared, from, adopts, sent }: Change,
  owner: string,
  backend: Backend,
  signal: AbortSignal,
): Promise<KubeObject | null> {
  if (declared === undefined) return null;
  // As long as the old one is there, the backend refuses the new one.
  if (action === "replace") return declared.object;
  const desired = sent ?? declared.object;
  const request = { desired, owner, ...(from !== undefined && { from }), ...(adopts === true && { adopt: true }) };
  try {
    return (await backend.dryRun(request, signal)).object;
  } catch (error) {
    // What is refused for good the plan's diagnostics tell; the rest needs what this very plan makes: a Namespace, a kind.
    if (error instanceof TrueupError && REFUSALS.has(error.code)) return desired;
    throw error;
  }
}

/** `default/deployment/web`, also for objects of the default namespace: it names a file in the diff. */
function pathOf({ namespace, kind, name }: ObjectId): string {
  return [...(namespace === "" ? [] : [namespace]), kind.toLowerCase(), name].join("/");
}
