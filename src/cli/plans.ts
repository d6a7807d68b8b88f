/** Plans of the app that was named, or of all that the daemon has. */
import type { PlanView } from "../server/wire.ts";
import type { DaemonClient } from "./client.ts";

export interface PlansQuery {
  app: string | undefined;
  revision: string | undefined;
  /** With text diffs. */
  diff?: boolean;
  /** Taking over what is there and no app applied. */
  adopt?: boolean;
}

/** One plan an app, in the daemon's order; one request where an app is named or there is only one. */
export async function plansOf(
  client: DaemonClient,
  { app, revision, diff, adopt }: PlansQuery,
  signal: AbortSignal,
): Promise<PlanView[]> {
  const query = {
    ...(revision !== undefined && { revision }),
    ...(diff === true && { diff }),
    ...(adopt === true && { adopt }),
  };
  const apps = app === undefined ? (await client.status(signal)).apps.map((each) => each.app) : [app];
  if (apps.length === 0) return [await client.plan(query, signal)];
  const plans: PlanView[] = [];
  for (const each of apps) plans.push(await client.plan({ ...query, app: each }, signal));
  return plans;
}
