/** Finds what brought a symptom: the fields and the configuration that the failing revision changed, each with its line and author. */
import { compareObjects } from "../diff/compare.ts";
import { redactChanges } from "../diff/redact.ts";
import type { Backend } from "../model/backend.ts";
import type { Ledger, RevisionRecord } from "../model/ledger.ts";
import type { Declared } from "../model/manifest.ts";
import { displayId, idOf, type KubeObject, type ObjectId } from "../model/object.ts";
import type { FieldChange, Observed } from "../model/plan.ts";
import type { CommitId } from "../model/source.ts";
import { ANNOTATION, type Deployment, type ReplicaSet } from "../model/workload.ts";
import { changedConfigs, configChanges, isOnlyStamp } from "../plan/config-digest.ts";
import { describeField } from "../plan/describe.ts";
import { writtenPathOf } from "../plan/places.ts";
import type { Descent } from "../why/chain.ts";
import { locateIn } from "../why/frame.ts";
import type { ChainLink } from "../why/types.ts";
import type { LineOwners } from "./line-owners.ts";

/** A commit that changes more than this is told by its first fields. */
const MOST_CHANGES = 5;

/** Manifests as they were at a commit. What cannot be read is noted there, and null here. */
export interface ManifestsThen {
  /** @param carrier Carries the annotations that say which commit and file */
  read(id: ObjectId, carrier: KubeObject): Promise<{ commit: CommitId | null; declared: Declared | null }>;
  declaredAt(commit: CommitId, file: string, id: ObjectId): Promise<Declared | null>;
}

export class Causes {
  readonly #context: { backend: Backend; ledger: Ledger };
  readonly #manifests: ManifestsThen;
  readonly #owners: LineOwners;
  readonly #signal: AbortSignal;

  constructor(
    context: { backend: Backend; ledger: Ledger },
    manifests: ManifestsThen,
    owners: LineOwners,
    signal: AbortSignal,
  ) {
    this.#context = context;
    this.#manifests = manifests;
    this.#owners = owners;
    this.#signal = signal;
  }

  /** What the failing revision changed, or the field of the object itself that is to blame. */
  async of(object: KubeObject, descent: Descent, deployments: readonly Observed[]): Promise<ChainLink[]> {
    const { replicaSet, deployment, field } = descent;
    if (field !== undefined) {
      const { commit, declared } = await this.#manifests.read(idOf(object), object);
      return [await this.#change(`${field} is declared`, field, commit, declared)];
    }
    if (replicaSet === undefined || deployment === undefined) return [];
    const { commit, declared } = await this.#manifests.read(idOf(deployment), replicaSet);
    const record = await this.#before(deployment, replicaSet);
    const before = record?.template ?? null;
    const top = deployments.find((each) => each.object.metadata.uid === deployment.metadata.uid);
    if (top === undefined || top.owner === null) return [];
    if (before === null) {
      return [await this.#change("no revision of it was deployed before; declared", "spec.template", commit, declared)];
    }
    const fields = compareObjects(wrapped(before), wrapped(replicaSet.spec.template)).filter(
      ({ path }) => !path.includes("pod-template-hash"),
    );
    const shown = isOnlyStamp(fields)
      ? []
      : fields.filter((each) => !isOnlyStamp([each]) || !each.path.includes(ANNOTATION.configDigest));
    const ofConfig = await this.#configCauses(fields, deployment.metadata.namespace ?? "", commit, record);
    const links = shown
      .slice(0, MOST_CHANGES)
      .map((each) => this.#change(describeField(each).trim(), each.path, commit, declared));
    const more = shown.length - MOST_CHANGES;
    return [
      ...ofConfig,
      ...(await Promise.all(links)),
      ...(more > 0 ? [{ about: "change", text: `and ${more} more fields of the pod template` }] : []),
    ];
  }

  /** What of the configuration that it restarts on is other than what the revision before had. */
  async #configCauses(
    fields: readonly FieldChange[],
    namespace: string,
    commit: CommitId | null,
    before: RevisionRecord | null,
  ): Promise<ChainLink[]> {
    const links: ChainLink[] = [];
    const told = new Set<string>();
    for (const { kind, name } of changedConfigs(fields)) {
      const id: ObjectId = { group: "", kind, namespace, name };
      const { items } = await this.#context.backend.list(id, this.#signal);
      const file = items[0]?.object.metadata.annotations?.[ANNOTATION.source]?.replace(/:\d+$/, "");
      if (commit === null || before === null || file === undefined) continue;
      const [then, now] = [
        await this.#manifests.declaredAt(before.commit, file, id),
        await this.#manifests.declaredAt(commit, file, id),
      ];
      if (then === null || now === null) continue;
      const changes = redactChanges(now.object, compareObjects(then.object, now.object));
      for (const each of changes.slice(0, MOST_CHANGES)) {
        links.push(await this.#change(`${displayId(id)}: ${describeField(each).trim()}`, each.path, commit, now));
        told.add(`${kind.toLowerCase()}/${name} changed`);
      }
    }
    const rest = (configChanges(fields) ?? []).filter((text) => !told.has(text));
    return [...links, ...rest.map((text): ChainLink => ({ about: "change", text }))];
  }

  async #change(text: string, path: string, commit: CommitId | null, declared: Declared | null): Promise<ChainLink> {
    const link: ChainLink = { about: "change", text };
    if (commit === null || declared === null) return link;
    const at = writtenPathOf(declared.object, path);
    const location =
      at.length === 0
        ? declared.locate([])
        : (locateIn({ tree: declared.object, declared, isOwn: true, prefix: [] }, at) ?? declared.locate([]));
    this.#owners.want(commit, location);
    return { ...link, place: await this.#owners.placeOf(commit, location) };
  }

  /** The newest revision before this one that was deployed; null when there was none. */
  async #before(deployment: Deployment, replicaSet: ReplicaSet): Promise<RevisionRecord | null> {
    const { uid = "", annotations = {} } = deployment.metadata;
    const number = Number(
      replicaSet.metadata.annotations?.[ANNOTATION.revision] ?? annotations[ANNOTATION.revision] ?? 0,
    );
    const records = await this.#context.ledger.revisions({ uid });
    const deployed = records.filter(({ revision, ending }) => revision < number && ending?.outcome !== "failed");
    return deployed.toSorted((a, b) => b.revision - a.revision)[0] ?? null;
  }
}

function wrapped(template: unknown): KubeObject {
  return { apiVersion: "apps/v1", kind: "Deployment", metadata: { name: "" }, spec: { template } };
}
