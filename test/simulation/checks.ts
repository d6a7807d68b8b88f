/** What holds of a world at rest. */
import { isPodReady, isSelected } from "../../src/model/endpoints.ts";
import type { Declared } from "../../src/model/manifest.ts";
import { controllerOf, displayId, idOf, type KubeObject, keyOf } from "../../src/model/object.ts";
import type { Change } from "../../src/model/plan.ts";
import { asObjectHash } from "../../src/model/source.ts";
import type { Deployment, Endpoints, Pod, Service } from "../../src/model/workload.ts";
import { planApp } from "../../src/plan/plan.ts";
import { comparePositions, FIRST } from "../../src/plan/stages.ts";
import { dueChanges } from "../../src/reconcile/request.ts";
import { hasEnded } from "../../src/rollout/pods.ts";
import { isComplete, progressDeadlineOf, REASON } from "../../src/rollout/progress.ts";
import { fateOf, objectsOf } from "./app.ts";
import type { Machine } from "./machine.ts";
import { verdictOf } from "./tree.ts";
import { progressing } from "./witness.ts";

/** Virtual time in which a new daemon settles in. */
const WATCH_MS = 20_000;

/** Why the world is not at rest; `null` when it is. */
/** Why the world is not at rest yet; null when it is. */
export function restProblem(machine: Machine): string | null {
  if (!machine.cluster.node.connected) return "the kubelet is not heard yet";
  return podProblem(machine) ?? appProblem(machine);
}

function podProblem({ cluster: { store } }: Machine): string | null {
  const pods = store.list({ group: "", kind: "Pod" }) as Pod[];
  for (const pod of pods) {
    const { name, deletionTimestamp } = pod.metadata;
    if (deletionTimestamp !== undefined) return `pod ${name} is still ending`;
    if (pod.status?.startTime === undefined) return `pod ${name} is not known to the kubelet yet`;
    if (fateOf(pod) === "ready" && !isPodReady(pod)) return `pod ${name} is not ready`;
  }
  const restless = new Set(pods.filter((pod) => fateOf(pod) === "either").map(({ metadata }) => metadata.labels?.app));
  for (const object of store.list({ group: "apps", kind: "Deployment" })) {
    // Old pods that come and go count as progress, on Kubernetes as here: such a rollout is never called late.
    if (restless.has(object.metadata.name)) continue;
    const problem = deploymentProblem(object as Deployment);
    if (problem !== null) return `deployment ${object.metadata.name} ${problem}`;
  }
  return null;
}

/** Each app is at the head, its attempt has ended or is held, and what it owns is as its commit has it. */
function appProblem(machine: Machine): string | null {
  const { head, changes, daemon, trees } = machine;
  const statuses = daemon.fleet.statuses();
  const tree = head === undefined ? undefined : trees.get(head);
  const named = tree?.isConfigBroken === false ? tree.apps.filter(({ isNamed }) => isNamed) : [];
  const missing = named.find(({ name }) => !statuses.some(({ app }) => app === name));
  if (missing !== undefined || statuses.length === 0) return `app ${missing?.name} is nobody's`;
  for (const { app, phase, reason, attempt } of statuses) {
    if (attempt?.commit !== head || changes.newest.get(app) !== head) return `app ${app} has not taken the head up`;
    if (!changes.hasEnded(app) && phase !== "Held") return `app ${app} is ${phase}: ${reason}`;
    const problem = objectsProblem(machine, app);
    if (problem !== null) return `app ${app} is not as its commit has it: ${problem}`;
  }
  return null;
}

/** What another plan would still change, and what stands there though git no longer has it. */
function objectsProblem({ changes, cluster: { store }, trees, past }: Machine, app: string): string | null {
  const commit = changes.keptAt(app);
  const tree = commit === null ? undefined : trees.get(commit);
  if (commit === null || tree === undefined) return null;
  const verdict = verdictOf(tree, app, past);
  const declared = verdict.app === undefined ? [] : objectsOf(verdict.app).map(asDeclared);
  const observed = store.list({}).map((object) => {
    const record = store.applied(keyOf(object));
    return { object, applied: record?.object ?? null, owner: record?.owner ?? null };
  });
  // At the head, and, where an older commit is kept, as they were with that one.
  const at = [commit, changes.newest.get(app) ?? commit];
  const others = at
    .flatMap((each) => trees.get(each)?.apps ?? [])
    .filter(({ name, isNamed }) => isNamed && name !== app);
  const unreadable = others.filter(({ isBroken }) => isBroken).map(({ name }) => name);
  const declaredElsewhere = new Set(others.flatMap((other) => objectsOf(other.app).map((object) => keyOf(object))));
  const plan = planApp({ app, commit, declared, observed, unreadable, declaredElsewhere });
  const stuckAt = changes.stuckAt(app);
  const isReached = ({ action, stage = 0 }: Change): boolean => {
    if (stuckAt === undefined) return true;
    return stuckAt !== null && action !== "delete" && comparePositions(plan.stages?.[stage] ?? FIRST, stuckAt) <= 0;
  };
  const due = dueChanges(plan).filter(isReached);
  return due.length === 0 ? null : due.map(({ action, id }) => `${action} ${displayId(id)}`).join(", ");
}

function asDeclared(object: KubeObject): Declared {
  const locate = (): { file: string; line: number; column: number } => ({ file: "", line: 1, column: 1 });
  const blob = asObjectHash("0".repeat(40));
  return { object, id: idOf(object), file: "", blob, document: 0, locate, locateValue: locate };
}

function deploymentProblem(deployment: Deployment): string | null {
  const { spec, status = {}, metadata } = deployment;
  if ((status.observedGeneration ?? 0) !== metadata.generation) return "was not observed";
  if ((status.readyReplicas ?? 0) !== (status.availableReplicas ?? 0))
    return "has ready pods that are not available yet";
  if (spec.paused === true) return null;
  const expected = fateOf(spec.template);
  if (expected === "either") return null;
  const complete = isComplete(deployment, status);
  const reason = progressing(deployment)?.reason;
  if (expected === "ready" || spec.replicas === 0) {
    if (!complete) return `is not complete: ${JSON.stringify(status)}`;
    if (progressDeadlineOf(deployment) !== undefined && reason !== REASON.complete) return `says ${reason}`;
    return null;
  }
  if (complete) return "is complete, with an image that never gets ready";
  if (progressDeadlineOf(deployment) === undefined) return null;
  // A template that was complete (at no replicas, say) never times out: Kubernetes' rule.
  return reason === REASON.timedOut || reason === REASON.complete
    ? null
    : `does not say that it is late, but ${reason}`;
}

export interface Hands {
  replaceDaemon(): Promise<void>;
  replaceKubelet(): Promise<void>;
}

/** Checks a world that came to rest, and that neither looking again nor another daemon or kubelet changes it. */
export async function checkRest(machine: Machine, { replaceDaemon, replaceKubelet }: Hands): Promise<void> {
  const { witness, clock, changes, daemon, head } = machine;
  // What the kubelet reported in this very moment is to be stored first.
  await clock.virtual.advance(1);
  await checkAll(machine);
  if (head === undefined) throw new Error("there is no head");
  const phases = new Map(daemon.fleet.statuses().map(({ app, phase }) => [app, phase]));
  await machine.rows.checkRest(daemon.ledger, head, phases);
  const { count } = changes;
  for (const ring of [...machine.bell]) ring();
  await clock.virtual.advance(WATCH_MS);
  if (changes.count !== count) witness.violate("at rest, the same commit was applied again");
  if (witness.violations.length === 0) await checkRestart(machine, "daemon", replaceDaemon);
  if (machine.keepsPods && witness.violations.length === 0) await checkRestart(machine, "kubelet", replaceKubelet);
}

async function checkAll(machine: Machine): Promise<void> {
  checkOwners(machine);
  checkIndexes(machine);
  await checkKubelet(machine);
  checkTraffic(machine);
}

/** Another daemon, or another kubelet: everything as it was, but for what time itself changes. */
async function checkRestart(machine: Machine, what: string, replace: () => Promise<void>): Promise<void> {
  const { witness, clock } = machine;
  const objects = machine.cluster.store.list({});
  const fates = new Set((objects.filter(({ kind }) => kind === "Pod") as Pod[]).map(fateOf));
  const before = substance(objects, !fates.has("stuck"));
  const names = containers(machine);
  const { count } = machine.changes;
  await replace();
  await clock.virtual.advance(WATCH_MS);
  checkOwners(machine);
  checkIndexes(machine);
  await checkKubelet(machine);
  if (machine.changes.count !== count) witness.violate(`another ${what} applied the same commit again`);
  if (fates.has("either")) return;
  const differences = different(before, substance(machine.cluster.store.list({}), !fates.has("stuck")));
  if (differences.length > 0) witness.violate(`another ${what} changed objects: ${differences.join("; ")}`);
  if (fates.has("stuck")) return;
  checkTraffic(machine);
  if (containers(machine) !== names) witness.violate(`another ${what} restarted containers`);
  machine.tally.add("pods adopted over a restart", objects.filter(({ kind }) => kind === "Pod").length);
}

/** All objects but Events; without what is reported of them where pods try again and again. */
function substance(objects: readonly KubeObject[], whole: boolean): Map<string, KubeObject> {
  const found = objects.filter(({ kind }) => kind !== "Event" && (whole || kind !== "Endpoints"));
  return new Map(found.map((object) => [keyOf(object), whole ? object : withoutReports(object)]));
}

function withoutVersion({ metadata, ...rest }: KubeObject): object {
  return { ...metadata, resourceVersion: undefined, ...rest };
}

function withoutReports({ status: _status, metadata, ...rest }: KubeObject): KubeObject {
  const { resourceVersion: _version, ...kept } = metadata;
  return { ...rest, metadata: kept } as KubeObject;
}

function different(before: ReadonlyMap<string, KubeObject>, after: ReadonlyMap<string, KubeObject>): string[] {
  return [...new Set([...before.keys(), ...after.keys()])].flatMap((key) => {
    const [old, now] = [before.get(key), after.get(key)];
    if (JSON.stringify(old) === JSON.stringify(now)) return [];
    if (old === undefined || now === undefined) return [`${key} ${old === undefined ? "came" : "went"}`];
    const [was, is] = [JSON.stringify(withoutVersion(old)), JSON.stringify(withoutVersion(now))];
    const at = Math.max(0, [...was].findIndex((char, index) => char !== is[index]) - 40);
    return [`${key}: ${was.slice(at, at + 120)} became ${is.slice(at, at + 120)}`];
  });
}

function containers({ cluster: { store } }: Machine): string {
  return (store.list({ group: "", kind: "Pod" }) as Pod[])
    .map(({ metadata, status }) => `${metadata.uid} ${status?.containerStatuses?.map((own) => own.containerID)}`)
    .sort()
    .join("\n");
}

function checkOwners({ cluster: { store }, witness }: Machine): void {
  for (const object of store.list({})) {
    const owner = controllerOf(object);
    if (owner !== undefined && store.byUid(owner.uid) === undefined) {
      witness.violate(`${keyOf(object)} is an orphan: ${owner.kind} ${owner.name} is gone`);
    }
    if ((object.kind === "Pod" || object.kind === "ReplicaSet") && owner === undefined) {
      witness.violate(`${keyOf(object)} belongs to nobody`);
    }
  }
}

/** Every way of asking the store gives what a search through all events would. */
export function checkIndexes({ cluster: { store }, witness }: Machine): void {
  const { mirror } = witness;
  const all = [...mirror.objects.values()];
  const same = (what: string, found: readonly KubeObject[], expected: readonly KubeObject[]): void => {
    const text = (objects: readonly KubeObject[]): string =>
      objects
        .map((each) => keyOf(each))
        .sort()
        .join(" ");
    if (text(found) !== text(expected) || found.some((each) => mirror.objects.get(keyOf(each)) !== each)) {
      witness.violate(`${what} gives ${text(found)}, not ${text(expected)}`);
    }
  };
  same("a list of all", store.list({}), all);
  for (const kind of new Set(all.map((object) => object.kind))) {
    const expected = all.filter((object) => object.kind === kind);
    same(`a list of ${kind}`, store.list({ kind }), expected);
    same(
      `a list of ${kind} in default`,
      store.list({ kind, namespace: "default" }),
      kind === "Namespace" ? [] : expected,
    );
  }
  for (const object of all) {
    const { uid = "" } = object.metadata;
    if (store.byUid(uid) !== object) witness.violate(`${keyOf(object)} is not found by its uid`);
    const dependents = all.filter((other) => controllerOf(other)?.uid === uid);
    same(`what ${keyOf(object)} controls`, store.controlledBy(uid), dependents);
  }
}

/** The kubelet has the pods that the store has, and no other. */
async function checkKubelet({ kubelets, cluster: { store }, witness }: Machine): Promise<void> {
  const there = ((await kubelets.running?.pods()) ?? []).map(({ uid }) => uid).sort();
  const pods = store.list({ group: "", kind: "Pod" }) as Pod[];
  const wanted = pods.filter((pod) => !hasEnded(pod)).map(({ metadata }) => metadata.uid ?? "");
  if (there.join() !== wanted.sort().join()) {
    witness.violate(`the kubelet runs ${there.length} pods (${there}), the store has ${wanted.length} (${wanted})`);
  }
}

/** Each Service sends to its ready pods, in the proxy as in its Endpoints. */
function checkTraffic({ proxy, cluster: { store }, witness }: Machine): void {
  const pods = (store.list({ group: "", kind: "Pod" }) as Pod[]).filter((pod) => !hasEnded(pod));
  const services = store.list({ group: "", kind: "Service" }) as Service[];
  const keys = services.map(({ metadata }) => `${metadata.uid}:80`).sort();
  if ([...proxy.backends.keys()].sort().join() !== keys.join()) {
    witness.violate(`the proxy answers for ${[...proxy.backends.keys()]}, not for ${keys}`);
  }
  for (const { metadata, spec } of services) {
    const includeNotReady = spec.publishNotReadyAddresses === true;
    // What is contested is repaired when its time has come, in the middle of any look.
    const staying = pods.filter(({ metadata: { deletionTimestamp } }) => deletionTimestamp === undefined);
    const selected = staying.filter((pod) => isSelected(spec.selector, pod.metadata.labels));
    const ready = selected.filter((pod) => isPodReady(pod)).map((pod) => pod.metadata.uid ?? "");
    const sent = [...(proxy.backends.get(`${metadata.uid}:80`) ?? [])];
    const isWrong = includeNotReady
      ? ready.some((uid) => !sent.includes(uid))
      : [...sent].sort().join() !== [...ready].sort().join();
    if (isWrong) witness.violate(`service ${metadata.name} sends to ${sent}, not to ${ready}`);
    const found = store
      .list({ group: "", kind: "Endpoints" })
      .find((object) => object.metadata.name === metadata.name) as Endpoints | undefined;
    const addresses = (found?.subsets ?? []).flatMap((subset) => subset.addresses ?? []);
    const listed = addresses.map(({ targetRef }) => targetRef?.uid ?? "").sort();
    const missing = ready.filter((uid) => !listed.includes(uid));
    if (missing.length > 0) witness.violate(`endpoints ${metadata.name} lack ${missing}`);
  }
}
