/** Writes to a Kubernetes cluster: server-side apply as `trueup`, its rehearsal, and deletion. */
import { mergeThreeWay } from "../../diff/three-way.ts";
import type { ApplyRequest, ApplyResult, DeleteRequest } from "../../model/backend.ts";
import type { KubeCall } from "../../model/kube-api.ts";
import { idOf, type JsonObject, type KubeObject, type ObjectId } from "../../model/object.ts";
import type { Observed } from "../../model/plan.ts";
import { ANNOTATION } from "../../model/workload.ts";
import { beside } from "../anew.ts";
import { declaration } from "../declaration.ts";
import { PART_OF_LABEL } from "./applyset.ts";
import type { KubeContext } from "./context.ts";
import { deletePresent } from "./delete-present.ts";
import { adoptionOf, claimsOn, FIELD_MANAGER } from "./managed-fields.ts";
import { APPLY_PATCH, ParentKeeper } from "./parents.ts";
import { calledBy, isAboutVersion, isOfThePresent, isStale, refusalOf } from "./refusal.ts";
import { apiVersionOf, idIn, pathOf } from "./resource.ts";
import { statusOf } from "./status.ts";
import { trim } from "./trim.ts";
import {
  asJson,
  asObject,
  hasSameFields,
  isLeaving,
  isSame,
  mergePatch,
  requireApplied,
  requireEqual,
  requireOwner,
  sentObject,
  unservedVersion,
  withMetadata,
} from "./write-rules.ts";

const MERGE_PATCH = "application/merge-patch+json";

/**
 * No object ever has this version: the server makes one that is not there whatever version is named, and refuses to touch one
 * that is (seen of every kind; nothing else tells an apply that it must not find anything).
 */
const NOTHING_THERE = "1";

/** Somebody who writes at the same moment is met once or twice; more often it is a contest. */
const MOST_TRIES = 4;

/** One object to be written. */
interface Target {
  id: ObjectId;
  /** Identity in the cache. */
  live: ObjectId;
  path: string;
  request: ApplyRequest;
  /** What is sent: the declaration with the label of the app's set. */
  body: KubeObject;
  dryRun: boolean;
}

export class KubeWriter {
  readonly #context: KubeContext;
  readonly #parents: ParentKeeper;

  constructor(context: KubeContext) {
    this.#context = context;
    this.#parents = new ParentKeeper(context);
  }

  /** What `apply` would do and make, as the server says. */
  async dryRun(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    const target = await this.#target(request, true, signal);
    const result = await this.#untilCurrent("apply", target, signal, (isLast) =>
      request.anew === true ? this.#tryAnew(target, signal) : this.#write(target, isLast, signal),
    );
    this.#parents.foresee(request.owner, target.live);
    return result;
  }

  async apply(request: ApplyRequest, signal: AbortSignal): Promise<ApplyResult> {
    const target = await this.#target(request, false, signal);
    try {
      const result = await this.#untilCurrent("apply", target, signal, (isLast) => this.#write(target, isLast, signal));
      if (request.from !== undefined) await this.#parents.narrow(request.from, signal);
      return result;
    } finally {
      this.#parents.settle(request.owner, target.live);
    }
  }

  /** Done when the object is gone from the cache; its dependents follow it in the background. */
  async delete(request: DeleteRequest, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { id } = request;
    // No kind, no object; a kind whose server is away is an error.
    if ((await this.#context.discovery.find(id, signal)) === null) return;
    const resource = await this.#context.follow(id, signal);
    const target = { id, live: idIn(resource, id), path: pathOf(resource, id.namespace, id.name) };
    const former = this.#context.cache.get(target.live)?.owner ?? null;
    await this.#untilCurrent("delete", target, signal, async () => {
      const observed = this.#context.cache.get(target.live);
      if (observed === undefined) return;
      requireApplied(id, this.#ownerOf(observed, [request.owner]), request.owner);
      await deletePresent(this.#context, { ...target, present: observed.object }, request, signal);
    });
    if (former !== null && former === request.owner) await this.#parents.narrow(former, signal);
  }

  async #target(request: ApplyRequest, dryRun: boolean, signal: AbortSignal): Promise<Target> {
    signal.throwIfAborted();
    const declared = declaration(request.desired);
    const id = idOf(declared);
    const { group, kind } = id;
    const version = declared.apiVersion.slice(group === "" ? 0 : group.length + 1);
    const followed = await this.#context.follow({ group, kind, version }, signal);
    // Followed in one version, it may be declared in several: each is written as it is declared.
    const resource = (await this.#context.discovery.find({ group, kind, version }, signal)) ?? followed;
    if (resource.version !== version) throw unservedVersion(id, declared.apiVersion, apiVersionOf(resource));
    return {
      id,
      live: idIn(resource, id),
      path: pathOf(resource, id.namespace, id.name),
      request,
      body: sentObject(id, declared, this.#parents.idOf(request.owner), resource.namespaced),
      dryRun,
    };
  }

  /** Does the work again after a look at the object, when the server says that it is not what it was taken for. */
  async #untilCurrent<T>(
    doing: string,
    target: Pick<Target, "id" | "live" | "path">,
    signal: AbortSignal,
    work: (isLast: boolean) => Promise<T>,
  ): Promise<T> {
    for (let tries = 1; ; tries++) {
      try {
        return await work(tries === MOST_TRIES);
      } catch (error) {
        signal.throwIfAborted();
        if (!isStale(error) || tries === MOST_TRIES) throw refusalOf(error, doing, target.id);
        await this.#reread(target, signal);
      }
    }
  }

  /** The object as the server has it now, with its managed fields; the cache knows it then. */
  async #reread({ live, path }: Pick<Target, "live" | "path">, signal: AbortSignal): Promise<KubeObject | undefined> {
    try {
      const object = asObject(await this.#context.api.request({ method: "GET", path }, signal));
      this.#context.cache.put(object);
      return object;
    } catch (error) {
      if (statusOf(error)?.code !== 404) throw error;
      const uid = this.#context.cache.get(live)?.object.metadata.uid;
      if (uid !== undefined) this.#context.cache.remove(live, uid);
      return undefined;
    }
  }

  async #write(target: Target, isLast: boolean, signal: AbortSignal): Promise<ApplyResult> {
    const { request, id } = target;
    const observed = this.#context.cache.get(target.live);
    if (observed === undefined) return this.#create(target, isLast, signal);
    requireOwner(id, this.#ownerOf(observed, [request.owner, request.from]), request);
    if (observed.object.metadata.deletionTimestamp !== undefined) throw isLeaving(id);
    return observed.owner === null ? this.#claim(target, isLast, signal) : this.#update(target, observed, signal);
  }

  /** A set whose parent somebody deleted is known by its id alone, until the app's next write makes the parent again. */
  #ownerOf({ owner }: Observed, apps: readonly (string | undefined)[]): string | null {
    return apps.find((app) => app !== undefined && owner === this.#parents.idOf(app)) ?? owner;
  }

  /**
   * Only where nothing is: what somebody else makes at the same moment is met as a conflict, and looked at, be it another daemon,
   * which is the same manager to the server, or a person whose object differs in nothing that is declared.
   *
   * @param isLast A server that refuses to make an object of that version is asked for one of none in the end
   */
  async #create(target: Target, isLast: boolean, signal: AbortSignal): Promise<ApplyResult> {
    const body = isLast ? target.body : withMetadata(target.body, { resourceVersion: NOTHING_THERE });
    try {
      const answer = await this.#send(target, body, false, signal);
      return { action: "create", object: trim(answer, true) };
    } catch (error) {
      if (isLast || !isAboutVersion(error)) throw error;
      return this.#create(target, true, signal);
    }
  }

  /** By force: what git declares is git's. The uid makes sure that it is still the same object. */
  async #update(target: Target, { object: kept, applied }: Observed, signal: AbortSignal): Promise<ApplyResult> {
    // Followed in another version than it is declared in, it is read in this one: else all of it would differ.
    const isOtherVersion = kept.apiVersion !== target.body.apiVersion;
    const live = isOtherVersion ? ((await this.#reread(target, signal)) ?? kept) : kept;
    const body = withMetadata(target.body, { uid: live.metadata.uid });
    const answer = await this.#send(target, body, true, signal);
    // Controllers write at the same time: what asked for no change has made none, whatever they made.
    const asksNothing = !isOtherVersion && mergeThreeWay(applied, live, target.body) === live;
    const isSettled = asksNothing || isSame(live, answer);
    const isRecorded = hasSameFields(live, answer);
    if (target.dryRun && isSettled && isRecorded) this.#remember(answer, target);
    const object = trim(answer, true);
    return { action: isSettled ? "unchanged" : "update", object, isRecorded };
  }

  /** Asks for a new object beside the present one, whose owner the app must be. */
  async #tryAnew(target: Target, signal: AbortSignal): Promise<ApplyResult> {
    const { request, id, live, body } = target;
    const observed = this.#context.cache.get(live);
    if (observed === undefined) return this.#create(target, false, signal);
    requireOwner(id, this.#ownerOf(observed, [request.owner]), request);
    if (observed.object.metadata.deletionTimestamp !== undefined) throw isLeaving(id);
    const another = withMetadata(beside(body, observed.object), { resourceVersion: NOTHING_THERE });
    const { name } = another.metadata;
    const { path } = target;
    const elsewhere = { ...target, path: path.slice(0, path.lastIndexOf("/") + 1) + encodeURIComponent(name) };
    try {
      const answer = await this.#send(elsewhere, another, false, signal);
      return { action: "create", object: trim(answer, true) };
    } catch (error) {
      if (isOfThePresent(error)) return { action: "create", object: body };
      throw calledBy(error, name, id.name);
    }
  }

  /** An object that nobody applied: it already is as declared, or is to be adopted; else somebody's work would be overwritten. */
  async #claim(target: Target, isLast: boolean, signal: AbortSignal): Promise<ApplyResult> {
    const live = await this.#reread(target, signal);
    const observed = this.#context.cache.get(target.live);
    // Gone, or somebody's, meanwhile.
    if (live === undefined || observed === undefined || observed.owner !== null)
      return this.#write(target, isLast, signal);
    if (live.metadata.deletionTimestamp !== undefined) throw isLeaving(target.id);
    if (target.request.adopt === true) return this.#adopt(target, live, signal);
    const body = withMetadata(target.body, { resourceVersion: live.metadata.resourceVersion });
    const rehearsal = { ...target, dryRun: true };
    const expected = await this.#send(rehearsal, body, true, signal);
    requireEqual(target.id, target.request.owner, live, expected);
    const answer = target.dryRun ? expected : await this.#send(target, body, true, signal);
    return { action: isSame(live, answer) ? "unchanged" : "update", object: trim(answer, true) };
  }

  /**
   * Takes over what other tools set, then applies: so what they set and git does not declare is removed. Should trueup die in
   * between, the object is as it was, nobody's, and adopting it again goes on from there.
   */
  async #adopt(target: Target, live: KubeObject, signal: AbortSignal): Promise<ApplyResult> {
    const adoption = adoptionOf(live, target.body);
    const mark = live.metadata.labels?.[PART_OF_LABEL];
    const claims = [...claimsOn(live), ...(mark === undefined ? [] : [`ApplySet ${mark}`])];
    let answer: KubeObject;
    if (target.dryRun) {
      const merged = mergeThreeWay(adoption?.part ?? null, live, target.body);
      answer = await this.#rehearsePatch(target, live, merged, signal);
    } else {
      const taken = adoption === null ? live : await this.#takeOver(target, live, adoption.managedFields, signal);
      const body = withMetadata(target.body, { resourceVersion: taken.metadata.resourceVersion });
      answer = await this.#send(target, body, true, signal);
    }
    const adopted = { managers: adoption?.managers ?? [], claims };
    return { action: isSame(live, answer) ? "unchanged" : "update", object: trim(answer, true), adopted };
  }

  /** Other tools' fields as trueup's, and kubectl's copy of its manifest away: `kubectl apply` would go by it. */
  async #takeOver(
    target: Target,
    live: KubeObject,
    managedFields: readonly JsonObject[],
    signal: AbortSignal,
  ): Promise<KubeObject> {
    const { resourceVersion = "" } = live.metadata;
    const call = {
      query: { fieldManager: FIELD_MANAGER },
      // The resourceVersion makes a write in between a conflict.
      body: {
        metadata: {
          managedFields: [...managedFields],
          resourceVersion,
          annotations: { [ANNOTATION.lastApplied]: null },
        },
      },
      contentType: MERGE_PATCH,
    };
    const object = await this.#patch(target, call, signal);
    this.#context.cache.put(object);
    return object;
  }

  /** Asks the server what it makes of a change that no single apply can make. */
  async #rehearsePatch(target: Target, live: KubeObject, merged: KubeObject, signal: AbortSignal): Promise<KubeObject> {
    const patch = mergePatch(asJson(live), asJson(merged));
    const metadata = {
      ...(patch.metadata as JsonObject | undefined),
      resourceVersion: live.metadata.resourceVersion ?? "",
    };
    const query = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict", dryRun: "All" };
    const call = { query, body: { ...patch, metadata }, contentType: MERGE_PATCH };
    return this.#patch(target, call, signal);
  }

  async #send(target: Target, body: KubeObject, force: boolean, signal: AbortSignal): Promise<KubeObject> {
    const { request, live, dryRun } = target;
    if (!dryRun) await this.#parents.widen(request.owner, live, request.beside ?? [], signal);
    const query = { fieldManager: FIELD_MANAGER, fieldValidation: "Strict", force, ...(dryRun && { dryRun: "All" }) };
    const answer = await this.#patch(target, { query, body: asJson(body), contentType: APPLY_PATCH }, signal);
    if (dryRun) return answer;
    this.#remember(answer, target);
    return answer;
  }

  /** Told by a watch before its answer came, the object is in the cache already, without what was declared of it. */
  #remember(answer: KubeObject, { body }: Target): void {
    const { cache, declarations } = this.#context;
    declarations.remember(answer, body);
    cache.put(answer);
    cache.redeclared(answer);
  }

  async #patch(
    { path }: Target,
    call: Pick<KubeCall, "query" | "body" | "contentType">,
    signal: AbortSignal,
  ): Promise<KubeObject> {
    return asObject(await this.#context.api.request({ method: "PATCH", path, ...call }, signal));
  }
}
