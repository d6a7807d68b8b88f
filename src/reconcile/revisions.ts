/** Writes a row for every revision of an app's Deployments, and how each ended. */
import type { Repository } from "../git/repository.ts";
import type { ImageStore } from "../image/store.ts";
import { TrueupError } from "../model/errors.ts";
import type { Health } from "../model/health.ts";
import type { Ledger, RevisionEnding, RevisionRecord } from "../model/ledger.ts";
import { idOf, type JsonObject, type KubeObject, keyOfId } from "../model/object.ts";
import { asCommitId, type CommitId, type CommitInfo } from "../model/source.ts";
import { ANNOTATION, type Deployment, LABEL_POD_TEMPLATE_HASH, type ReplicaSet } from "../model/workload.ts";
import { withoutHashLabel } from "../rollout/template.ts";
import type { Clock } from "../util/clock.ts";
import { ledgerTime } from "./attempts.ts";
import { referencesOf } from "./images.ts";

export interface RevisionContext {
  app: string;
  target: string;
  ledger: Ledger;
  repository: Repository;
  images: Pick<ImageStore, "digests">;
  clock: Clock;
}

/** What is known of one Deployment's rows. */
type Rows = Map<number, { ended: boolean }>;

export class RevisionRecorder {
  readonly #context: RevisionContext;
  /** By the Deployment's uid. */
  readonly #rows = new Map<string, Rows>();

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
   * its rollout is over.
   *
   * @param planDigest Digest of the plan that a commit's revision came from
   * @returns The number that was recorded, `null` when nothing is new
   */
  async record(
    object: KubeObject,
    replicaSets: readonly ReplicaSet[],
    health: Health,
    planDigest: (commit: CommitId) => Promise<string>,
  ): Promise<number | null> {
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
    if (isNew) await this.#start(deployment, current, revision, planDigest);
    for (const [number, { ended }] of this.#rows.get(uid) ?? []) {
      if (ended || number === revision) continue;
      await this.#end(uid, number, "superseded", `revision ${revision} came`);
    }
    if (this.#rows.get(uid)?.get(revision)?.ended === false) await this.#endByHealth(uid, revision, health);
    return isNew ? revision : null;
  }

  async #endByHealth(uid: string, revision: number, { status, reason }: Health): Promise<void> {
    if (status === "Healthy") await this.#end(uid, revision, "deployed", "");
    else if (status === "Degraded") await this.#end(uid, revision, "failed", reason);
  }

  async #start(
    deployment: Deployment,
    replicaSet: ReplicaSet,
    revision: number,
    planDigest: (commit: CommitId) => Promise<string>,
  ): Promise<void> {
    const { app, target, ledger, repository, images, clock } = this.#context;
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
      images: images.digests(referencesOf(template.spec)),
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
