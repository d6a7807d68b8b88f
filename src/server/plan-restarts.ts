/** Which pods a change leaves as they are although people may think that it restarts them, and why. Pure. */
import { configUses, watchedUses } from "../model/config-use.ts";
import { displayId, idOf, type KubeObject } from "../model/object.ts";
import type { Change } from "../model/plan.ts";
import type { Deployment } from "../model/workload.ts";

/**
 * What to say of the pods of a change; null when there is nothing to say.
 *
 * @param deployments As they will be: those of the plan in place of the live ones
 */
export function restartNote(change: Change, deployments: readonly KubeObject[]): string | null {
  const { action, id, fields, restartsPods } = change;
  if (action !== "update" || fields.length === 0) return null;
  if (id.kind === "Deployment") {
    if (restartsPods) return null;
    return fields.every(({ path }) => path === "spec.replicas")
      ? "scaled only: no pod restarts"
      : "its pod template stays as it is: no pod restarts";
  }
  if (id.kind !== "ConfigMap" && id.kind !== "Secret") return null;
  const users = deployments.filter(
    (each) => idOf(each).namespace === id.namespace && uses(each, id.kind, id.name),
  ) as Deployment[];
  if (users.length === 0) return "no Deployment uses it: no pod restarts";
  const unmoved = users.filter(
    (each) => !watchedUses(each).some((use) => use.kind === id.kind && use.name === id.name),
  );
  if (unmoved.length === 0) return null;
  const names = unmoved.map((each) => displayId(idOf(each))).join(", ");
  return `pods of ${names} keep the old content until they are restarted: trueup/restart-on does not watch it there`;
}

function uses(deployment: KubeObject, kind: string, name: string): boolean {
  return configUses((deployment as Deployment).spec?.template?.spec).some(
    (use) => use.kind === kind && use.name === name,
  );
}

/** The Deployments as they will be: those that the plan declares in place of the live ones. */
export function deploymentsAfter(live: readonly KubeObject[], changes: readonly Change[]): KubeObject[] {
  const planned = changes.flatMap(({ declared }) => (declared?.id.kind === "Deployment" ? [declared] : []));
  const replaced = new Set(planned.map(({ id }) => displayId(id)));
  return [...live.filter((each) => !replaced.has(displayId(idOf(each)))), ...planned.map(({ object }) => object)];
}
