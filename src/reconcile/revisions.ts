/** Writes a row for every revision of an app's Deployments, and how each ended. */
import type { Repository } from "../git/repository.ts";
import type { ImageStore } from "../image/store.ts";
import { TrueupError } from "../model/errors.ts";
import type { Health } from "../model/health.ts";
import type { Ledger, RevisionEnding, RevisionRecord } from "../model/ledger.ts";
import { idOf, type JsonObject, type KubeObject, keyOfId } from "../model/object.ts";
import { asCommitId, type CommitId, type CommitInfo } from "../model/source.ts";
import { ANNOTATION, type Deployment, LABEL_POD_TEMPLATE_HASH, type Pod, type ReplicaSet } from "../model/workload.ts";
import { withoutHashLabel } from "../rollout/template.ts";
import type { Clock } from "../util/clock.ts";
import { ledgerTime } from "./attempts.ts";
import { digestsKnown } from "./image-ids.ts";
import { referencesOf } from "./images.ts";

export interface RevisionContext {
  app: string;
  target: string;
  ledger: Ledger;
  repository: Repository;
  /** What lies here; null where the nodes fetch images: then the pods say which one it was. */
  images: Pick<ImageStore, "digests"> | null;
  clock: Clock;
}

/** What is known of a Deployment around its present revision. */
export interface RevisionSurroundings {
  replicaSets: readonly ReplicaSet[];
  health: Health;
  podsOf: (replicaSet: ReplicaSet) => readonly Pod[];
}

/** What is known of one Deployment's rows. */
type Rows = Map<number, { ended: boolean }>;

export class RevisionRecorder {
  readonly #context: RevisionContext;
  /** By the Deployment's uid. */
  readonly #rows = new Map<string, Rows>();
  /** By the Deployment's uid: the revision that is written once its images are known, as it is then. */
  readonly #deferred = new Map<string, { revision: number; write: () => Promise<void> }>();

  constructor(context: RevisionContext) {
    this.#context = context;
  }

  /** Reads the rows that are there, so that none is written twice after a restart. */
  async load(): Promise<void> {
    const { app, target, ledger } = this.#context;
    for (const record of await ledger.revisions({ app, target })) this.#note(record);
  }

  #note({ uid, revision, ending }: Pick<RevisionRecord, "uid" | "revision" | "ending">): void {
    const rows = this.#rows.get(uid) ?? new Map();
    rows.set(revision, { ended: ending !== undefined });
    this.#rows.set(uid, rows);
  }

  /**
   * Records the Deployment's present revision when it is new, ends those that it replaced, and ends the present one when
   * its rollout is over. Where nodes fetch images, a new one is recorded when a pod says which they are: rows are never
   * rewritten. It is recorded without when its rollout is over before, or when the next one comes.
   *
   * @param planDigest Digest of the plan that a commit's revision came from
   * @returns The number that was recorded, `null` when nothing is new
   */
  async record(
    object: KubeObject,
    around: RevisionSurroundings,
    planDigest: (commit: CommitId) => Promise<string>,
  ): Promise<number | null> {
    const { replicaSets, health } = around;
    const deployment = object as Deployment;
    const revision = Number(deployment.metadata.annotations?.[ANNOTATION.revision] ?? 0);
    const { uid, generation = 0 } = deployment.metadata;
    // Until the controller has seen the spec, the number is the one before.
    if (uid === undefined || !(revision > 0) || (deployment.status?.observedGeneration ?? 0) < generation) return null;
    const current = replicaSets.find(
      ({ metadata }) => Number(metadata.annotations?.[ANNOTATION.revision]) === revision,
    );
    if (current === undefined) return null;
    const isNew = this.#rows.get(uid)?.has(revision) !== true;
    const deferred = this.#deferred.get(uid);
    this.#deferred.delete(uid);
    if (deferred !== undefined && deferred.revision !== revision) await deferred.write();
    if (isNew) {
      const images = this.#imagesOf(current, around);
      const write = (): Promise<void> => this.#start(deployment, current, revision, images.known, planDigest);
      if (images.isWhole || health.status !== "Progressing") await write();
      else this.#deferred.set(uid, { revision, write });
    }
    for (const [number, { ended }] of this.#rows.get(uid) ?? []) {
      if (ended || number === revision) continue;
      await this.#end(uid, number, "superseded", `revision ${revision} came`);
    }
    if (this.#rows.get(uid)?.get(revision)?.ended === false) await this.#endByHealth(uid, revision, health);
    return isNew && this.#rows.get(uid)?.has(revision) === true ? revision : null;
  }

  #imagesOf(
    replicaSet: ReplicaSet,
    { podsOf }: RevisionSurroundings,
  ): { known: Record<string, string>; isWhole: boolean } {
    const { images } = this.#context;
    const references = referencesOf(replicaSet.spec.template.spec);
    // Which of them lie here was settled before the commit was applied.
    if (images !== null) return { known: images.digests(references), isWhole: true };
    const known = digestsKnown(references, podsOf(replicaSet));
    return { known, isWhole: references.every((reference) => known[reference] !== undefined) };
  }

  async #endByHealth(uid: string, revision: number, { status, reason }: Health): Promise<void> {
    if (status === "Healthy") await this.#end(uid, revision, "deployed", "");
    else if (status === "Degraded") await this.#end(uid, revision, "failed", reason);
  }

  async #start(
    deployment: Deployment,
    replicaSet: ReplicaSet,
    revision: number,
    images: Record<string, string>,
    planDigest: (commit: CommitId) => Promise<string>,
  ): Promise<void> {
    const { app, target, ledger, repository, clock } = this.#context;
    const { annotations = {}, uid = "" } = deployment.metadata;
    const commit = await commitOf(repository, annotations[ANNOTATION.commit]);
    // Nobody of this house made it: a template set by hand, before the first apply.
    if (commit === null) return;
    const template = withoutHashLabel(replicaSet.spec.template);
    await ledger.startRevision({
      app,
      target,
      workload: keyOfId(idOf(deployment)),
      uid,
      revision,
      commit: commit.id,
      authorName: commit.authorName,
      authorEmail: commit.authorEmail,
      subject: commit.subject,
      file: (annotations[ANNOTATION.source] ?? "").replace(/:\d+$/, ""),
      template: template as unknown as JsonObject,
      templateHash: replicaSet.metadata.labels?.[LABEL_POD_TEMPLATE_HASH] ?? "",
      images,
      planDigest: await planDigest(commit.id),
      startedAt: ledgerTime(clock),
    });
    this.#note({ uid, revision });
  }

  async #end(uid: string, revision: number, outcome: RevisionEnding["outcome"], reason: string): Promise<void> {
    const { app, target, ledger, clock } = this.#context;
    await ledger.endRevision({ app, target, uid, revision }, { endedAt: ledgerTime(clock), outcome, reason });
    this.#rows.get(uid)?.set(revision, { ended: true });
  }
}

/** The commit that an annotation names; `null` when it names none that the repository has. */
async function commitOf(repository: Repository, text: string | undefined): Promise<CommitInfo | null> {
  if (text === undefined || !/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/.test(text)) return null;
  try {
    return await repository.commit(asCommitId(text));
  } catch (error) {
    if (error instanceof TrueupError && error.code === "not-found") return null;
    throw error;
  }
}
