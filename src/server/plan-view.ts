/** A plan as it travels: without whole objects, with a text diff of each change when asked for. */
import { textDiff } from "../diff/text.ts";
import type { Backend } from "../model/backend.ts";
import type { KubeObject, ObjectId } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import { describePlan } from "../plan/describe.ts";
import { forecastChange, forecastText, type PlanForecast } from "./plan-forecast.ts";
import type { PlanOutcome } from "./service.ts";
import type { ChangeView, PlanView } from "./wire.ts";

/**
 * @param diff Whether to add each change's text diff: the live object against what the backend would store, so that
 *   defaults show as they are. Secret values are masked.
 * @throws {TrueupError} What the backend's dry run throws
 */
export async function viewPlan(
  outcome: PlanOutcome,
  backend: Backend,
  diff: boolean,
  signal: AbortSignal,
): Promise<PlanView> {
  if (outcome.kind === "rejected") return outcome;
  const { plan, diagnostics } = outcome;
  const changes: ChangeView[] = [];
  const forecasts = new Map(plan.changes.map((change) => [change, forecastChange(change)]));
  for (const change of plan.changes) {
    const view = viewChange(change, forecasts.get(change) ?? null);
    if (diff) view.diff = await diffOf(change, plan.app, backend, signal);
    changes.push(view);
  }
  const remark = (change: Change): string | null => {
    const forecast = forecasts.get(change) ?? null;
    return forecast === null ? null : forecastText(forecast);
  };
  const { app, commit, unchanged, digest } = plan;
  return { kind: "planned", app, commit, changes, unchanged, digest, text: describePlan(plan, remark), diagnostics };
}

function viewChange(
  { action, id, declared, fields, restartsPods, configChanges, held, from, contestedUntil }: Change,
  forecast: PlanForecast | null,
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
    ...(contestedUntil !== undefined && { contestedUntil }),
    ...(forecast !== null && { forecast }),
  };
}

async function diffOf(change: Change, owner: string, backend: Backend, signal: AbortSignal): Promise<string> {
  const before = change.observed?.object ?? null;
  const after = await stored(change, owner, backend, signal);
  const name = pathOf(change.id);
  return textDiff(before, after, { beforeName: `live/${name}`, afterName: `git/${name}` });
}

async function stored(
  { declared, from }: Change,
  owner: string,
  backend: Backend,
  signal: AbortSignal,
): Promise<KubeObject | null> {
  if (declared === undefined) return null;
  const request = { desired: declared.object, owner, ...(from !== undefined && { from }) };
  return (await backend.dryRun(request, signal)).object;
}

/** `default/deployment/web`, also for objects of the default namespace: it names a file in the diff. */
function pathOf({ namespace, kind, name }: ObjectId): string {
  return [...(namespace === "" ? [] : [namespace]), kind.toLowerCase(), name].join("/");
}
