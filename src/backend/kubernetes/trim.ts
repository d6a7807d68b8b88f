/** What of an object stays in memory: all but bookkeeping that is as large as the object itself. Pure. */
import type { JsonObject, KubeObject, ObjectMeta } from "../../model/object.ts";
import { ANNOTATION } from "../../model/workload.ts";

/**
 * Metadata whose managedFields are there for who asks for them, and for nobody else: as a text they take less
 * memory (a Deployment's 1.4 KB instead of 3.5 KB, measured), and copies, comparisons and output go without them.
 */
class ManagedMetadata {
  readonly #managedFields: string;

  constructor(managedFields: string, metadata: ObjectMeta) {
    this.#managedFields = managedFields;
    Object.assign(this, metadata);
  }

  get managedFields(): JsonObject[] {
    return JSON.parse(this.#managedFields) as JsonObject[];
  }
}

/** Contents of a ConfigMap that is nobody's here, beyond which they are not kept: dashboards, bundles. UTF-16 code units. */
const BULKY = 32_768;
/**
 * Secrets that are others' stores rather than secrets: what Helm keeps of each revision of a release, all of its manifests
 * packed, and the segments of a ledger in the cluster.
 */
const STORES: ReadonlySet<unknown> = new Set(["helm.sh/release.v1", "trueup/ledger"]);

/** Objects whose contents were left out. */
const shortened = new WeakSet<KubeObject>();

/** Whether the object's contents were left out: who needs them asks the server for the whole object. */
export function isShortened(object: KubeObject): boolean {
  return shortened.has(object);
}

/**
 * Leaves out what nobody reads: who set which field of an object that trueup did not apply, `kubectl apply`'s copy of the
 * whole object, which for a Secret also is a copy of its values, and bulky contents of what trueup did not apply.
 *
 * @param isOurs Whether trueup applied it
 */
export function trim(received: KubeObject, isOurs: boolean): KubeObject {
  const { apiVersion, kind, metadata: given, ...rest } = received;
  const { managedFields, annotations, ...others } = given as ObjectMeta & { managedFields?: unknown };
  const { [ANNOTATION.lastApplied]: _lastApplied, ...kept } = annotations ?? {};
  const plain: ObjectMeta = { ...others, ...(annotations !== undefined && { annotations: kept }) };
  const isKept = isOurs && managedFields !== undefined;
  const metadata = isKept
    ? (new ManagedMetadata(JSON.stringify(managedFields), plain) as unknown as ObjectMeta)
    : plain;
  if (isOurs || !isBulky(received)) return { apiVersion, kind, metadata, ...rest };
  const { data: _data, binaryData: _binaryData, ...short } = rest;
  const object = { apiVersion, kind, metadata, ...short };
  shortened.add(object);
  return object;
}

function isBulky({ apiVersion, kind, type, data, binaryData }: KubeObject): boolean {
  if (apiVersion !== "v1") return false;
  // Values of other Secrets are needed: they must not show in what is quoted from logs.
  if (kind === "Secret") return STORES.has(type);
  return kind === "ConfigMap" && sizeOf(data) + sizeOf(binaryData) > BULKY;
}

function sizeOf(data: unknown): number {
  if (typeof data !== "object" || data === null) return 0;
  return Object.values(data).reduce<number>((sum, value) => sum + (typeof value === "string" ? value.length : 0), 0);
}
