/** Gathers what `why` answers from: the object, its manifest at the commit that was applied, the ledger, logs and blame. */
import { applyDefaults } from "../defaulting/defaults.ts";
import { leavesOf } from "../diff/leaves.ts";
import type { Repository } from "../git/repository.ts";
import { parseManifestFile } from "../manifest/parse.ts";
import type { Backend } from "../model/backend.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { Health } from "../model/health.ts";
import type { FieldPattern } from "../model/ignore.ts";
import type { Attempt, Ledger } from "../model/ledger.ts";
import type { Declared } from "../model/manifest.ts";
import { controllerOf, displayId, idOf, type KubeObject, keyOfId, type ObjectId } from "../model/object.ts";
import type { Observed } from "../model/plan.ts";
import { asCommitId, type CommitId } from "../model/source.ts";
import {
  ANNOTATION,
  type Deployment,
  type Endpoints,
  type KubeEvent,
  type Pod,
  type ReplicaSet,
} from "../model/workload.ts";
import { lastWords } from "../reconcile/last-words.ts";
import { cannotSucceed } from "../rollout/cannot-succeed.ts";
import { healthOf } from "../rollout/health.ts";
import type { WhyQuery } from "../server/service.ts";
import type { Clock } from "../util/clock.ts";
import { type Descent, descend, type Surroundings } from "../why/chain.ts";
import { driftOf } from "../why/drift.ts";
import { type Frame, ownFrame, templateFrame } from "../why/frame.ts";
import { nearNames } from "../why/near.ts";
import { type Located, originsOf, selectField } from "../why/origins.ts";
import type { ChainLink, WhyAnswer } from "../why/types.ts";
import { LineOwners } from "./line-owners.ts";
import { Causes } from "./why-causes.ts";

export interface WhyContext {
  repository: Repository;
  backend: Backend;
  ledger: Ledger;
  clock: Clock;
  /** Fields of an app's object that stay with whoever else sets them. */
  ignored?: (app: string, id: ObjectId) => readonly FieldPattern[];
}

/** How far back the ledger is asked for repairs. */
const ATTEMPTS_LOOKED_AT = 100;

/**
 * Says where the values of a live object come from, and what is behind it when it is not well.
 *
 * @throws {TrueupError} `not-found`, with names that are near, for an unknown object or field; what backend and ledger throw
 */
export async function explainWhy(context: WhyContext, query: WhyQuery, signal: AbortSignal): Promise<WhyAnswer> {
  const observed = await find(context.backend, query, signal);
  return new Explanation(context, query, observed, signal).answer();
}

async function find(backend: Backend, query: ObjectId, signal: AbortSignal): Promise<Observed> {
  const { group, kind, namespace, name } = query;
  const place = namespace === "" ? {} : { namespace };
  const { items } = await backend.list({ group, kind, name, ...place }, signal);
  if (items[0] !== undefined) return items[0];
  const others = await backend.list({ group, kind, ...place }, signal);
  const names = nearNames(
    name,
    others.items.map(({ object }) => object.metadata.name),
  );
  throw new TrueupError("not-found", `Cannot find ${displayId(query)} as it must be there.`, {
    hint:
      names.length === 0
        ? `There is no ${kind} in namespace ${namespace || "default"}.`
        : `There: ${names.join(", ")}.`,
  });
}

/** One answer in the making. */
class Explanation {
  readonly #context: WhyContext;
  readonly #query: WhyQuery;
  readonly #observed: Observed;
  readonly #signal: AbortSignal;
  readonly #owners: LineOwners;
  readonly #causes: Causes;
  readonly #notes: string[] = [];

  constructor(context: WhyContext, query: WhyQuery, observed: Observed, signal: AbortSignal) {
    this.#context = context;
    this.#query = query;
    this.#observed = observed;
    this.#signal = signal;
    this.#owners = new LineOwners(context.repository, signal);
    const manifests = {
      read: (of: ObjectId, carrier: KubeObject) => this.#read(of, carrier),
      declaredAt: (commit: CommitId, file: string, of: ObjectId) => this.#declaredAt(commit, file, of),
    };
    this.#causes = new Causes(context, manifests, this.#owners, signal);
  }

  async answer(): Promise<WhyAnswer> {
    const { object, applied, owner } = this.#observed;
    const id = idOf(object);
    const around = await this.#surroundings(id.namespace);
    const source = await this.#sourceOf(object, around);
    const frame = this.#frameOf(object, applied, source);
    const app = owner ?? source?.app ?? null;
    const attempts = app === null ? [] : await this.#context.ledger.attempts({ app, limit: ATTEMPTS_LOOKED_AT });
    const ignored = app === null ? [] : (this.#context.ignored?.(app, id) ?? []);
    const drift = driftOf(attempts, displayId(id));
    const all = originsOf({ object, frame, defaults: applyDefaults, drift, ignored });
    const fields = this.#select(all, object);
    const commit = source?.commit ?? null;
    if (commit !== null) for (const { location } of fields) this.#owners.want(commit, location);
    const descent = descend(object, around);
    const chain = await this.#chain(object, descent, around, attempts);
    return {
      object: id,
      app,
      commit,
      health: givenUp(healthOf(object, around), descent),
      chain,
      fields: await Promise.all(fields.map((each) => this.#withPlace(each, commit))),
      notes: [...this.#notes, ...this.#owners.notes],
    };
  }

  #select(all: Located[], object: KubeObject): Located[] {
    const { field } = this.#query;
    if (field === undefined) return all;
    const found = selectField(all, leavesOf(object), field);
    if (found.length > 0) return found;
    const near = nearNames(
      field,
      all.map(({ origin }) => origin.path),
    );
    throw new TrueupError(
      "not-found",
      `Cannot find the field ${JSON.stringify(field)} as ${displayId(idOf(object))} must have it.`,
      {
        hint: `There: ${near.slice(0, 5).join(", ")}.`,
      },
    );
  }

  async #withPlace({ origin, location }: Located, commit: CommitId | null): Promise<WhyAnswer["fields"][number]> {
    if (location === undefined || commit === null) return origin;
    return { ...origin, place: await this.#owners.placeOf(commit, location) };
  }

  async #surroundings(namespace: string): Promise<Surroundings & { observed: readonly Observed[] }> {
    const list = async (group: string, kind: string): Promise<readonly Observed[]> => {
      if (namespace === "") return [];
      return (await this.#context.backend.list({ group, kind, namespace }, this.#signal)).items;
    };
    const [pods, replicaSets, deployments, endpoints, events] = await Promise.all([
      list("", "Pod"),
      list("apps", "ReplicaSet"),
      list("apps", "Deployment"),
      list("", "Endpoints"),
      list("", "Event"),
    ]);
    const of = <T>(items: readonly Observed[]): T[] => items.map(({ object }) => object as T);
    return {
      pods: of<Pod>(pods),
      replicaSets: of<ReplicaSet>(replicaSets),
      deployments: of<Deployment>(deployments),
      endpoints: of<Endpoints>(endpoints),
      events: of<KubeEvent>(events),
      observed: deployments,
    };
  }

  /** The manifest behind an object: its own, or that of the Deployment above it as it was when its ReplicaSet was made. */
  async #sourceOf(
    object: KubeObject,
    around: Surroundings & { observed: readonly Observed[] },
  ): Promise<Source | null> {
    if (this.#observed.owner !== null) {
      const { owner: app } = this.#observed;
      return { app, ...(await this.#read(idOf(object), object)), deployment: null };
    }
    const replicaSet =
      object.kind === "Pod"
        ? around.replicaSets.find(({ metadata }) => metadata.uid === controllerOf(object)?.uid)
        : object;
    const uid = replicaSet?.kind === "ReplicaSet" ? controllerOf(replicaSet)?.uid : undefined;
    const top = around.observed.find((each) => each.object.metadata.uid === uid);
    if (replicaSet === undefined || uid === undefined || top === undefined || top.owner === null) return null;
    const read = await this.#read(idOf(top.object), replicaSet);
    return { app: top.owner, ...read, deployment: read.declared?.object ?? top.applied };
  }

  /** @param carrier Carries the annotations that say which commit and file */
  async #read(id: ObjectId, carrier: KubeObject): Promise<Pick<Source, "commit" | "declared">> {
    const { annotations = {} } = carrier.metadata;
    const text = annotations[ANNOTATION.commit];
    const file = annotations[ANNOTATION.source]?.replace(/:\d+$/, "");
    if (text === undefined || file === undefined) return { commit: null, declared: null };
    try {
      const commit = asCommitId(text);
      return { commit, declared: await this.#declaredAt(commit, file, id) };
    } catch (error) {
      if (!(error instanceof TrueupError || error instanceof RangeError) || this.#signal.aborted) throw error;
      this.#notes.push(`the manifest that was applied cannot be read: ${messageOf(error)}`);
      return { commit: null, declared: null };
    }
  }

  async #declaredAt(commit: CommitId, file: string, id: ObjectId): Promise<Declared | null> {
    const { repository } = this.#context;
    const found = (await repository.filesAt(commit, [file])).get(file);
    if (found === undefined) {
      this.#notes.push(`${file} is not in commit ${commit}`);
      return null;
    }
    const text = await repository.text(found.blob);
    const { declared } = parseManifestFile({ file, blob: found.blob, text, defaultNamespace: id.namespace });
    return declared.find((each) => keyOfId(each.id) === keyOfId(id)) ?? null;
  }

  #frameOf(object: KubeObject, applied: KubeObject | null, source: Source | null): Frame | null {
    if (applied !== null) return ownFrame(applied, source?.declared ?? null);
    if (source?.deployment === null || source === null) return null;
    return templateFrame(object, source.deployment, source.declared);
  }

  async #chain(
    object: KubeObject,
    descent: Descent,
    around: Surroundings & { observed: readonly Observed[] },
    attempts: readonly Attempt[],
  ): Promise<ChainLink[]> {
    if (descent.links.length === 0) return [];
    const { backend, clock } = this.#context;
    const words = await lastWords(descent.pods, backend, clock, [], this.#signal);
    const links = [...descent.links];
    if (words !== "") links.push({ about: "log", text: words });
    links.push(...(await this.#causes.of(object, descent, around.observed)));
    const commit =
      descent.replicaSet?.metadata.annotations?.[ANNOTATION.commit] ?? object.metadata.annotations?.[ANNOTATION.commit];
    const app = around.observed.find((each) => each.object.metadata.uid === descent.deployment?.metadata.uid)?.owner;
    const known =
      attempts.length > 0 || app === undefined || app === null
        ? attempts
        : await this.#context.ledger.attempts({ app, limit: ATTEMPTS_LOOKED_AT });
    const attempt = known.find((each) => each.commit === commit);
    const wentWell = attempt?.ending?.outcome === "deployed" || attempt?.ending?.outcome === "no-op";
    if (attempt !== undefined && !wentWell) {
      const { ending } = attempt;
      const text =
        ending === undefined ? "is under way" : `${ending.outcome}${ending.reason === "" ? "" : `: ${ending.reason}`}`;
      links.push({ about: `attempt at ${attempt.commit.slice(0, 7)}`, text });
    }
    return links;
  }
}

/** As `status` has it: a rollout whose pod ended again and again is not under way any more, whatever its deadline says. */
function givenUp(health: Health, { pods }: Descent): Health {
  const failure = health.status === "Progressing" ? cannotSucceed(pods) : undefined;
  // Whether a missing image may still come depends on where pods run.
  if (failure?.kind !== "exits") return health;
  return { status: "Degraded", reason: `pod ${failure.pod.metadata.name}: ${failure.reason}` };
}

interface Source {
  app: string;
  commit: CommitId | null;
  declared: Declared | null;
  /** Of what a Deployment made: that Deployment as it was declared. */
  deployment: KubeObject | null;
}
