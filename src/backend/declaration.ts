/** What a declaration asks for, as it is sent to where objects live. Pure. */
import { idOf, type KubeObject } from "../model/object.ts";
import { ANNOTATION } from "../model/workload.ts";

/** What a declaration says: no status, and none of the metadata that only a server writes. */
export function declaration(desired: KubeObject): KubeObject {
  const { status: _status, ...rest } = desired;
  const {
    uid: _uid,
    resourceVersion: _version,
    generation: _generation,
    creationTimestamp: _created,
    deletionTimestamp: _deleted,
    deletionGracePeriodSeconds: _grace,
    managedFields: _managed,
    selfLink: _link,
    ...metadata
  } = desired.metadata as KubeObject["metadata"] & { managedFields?: unknown; selfLink?: unknown };
  const { namespace } = idOf(desired);
  const declared = { ...rest, metadata: { ...metadata, ...(namespace !== "" && { namespace }) } } as KubeObject;
  if (namespace === "") delete declared.metadata.namespace;
  return withoutStringData(declared);
}

/** A Secret's `stringData` as `data`, so that a key that git no longer declares is found among the live ones. */
function withoutStringData(object: KubeObject): KubeObject {
  const { stringData, ...rest } = object;
  if (object.kind !== "Secret" || typeof stringData !== "object" || stringData === null) return object;
  const encoded = Object.entries(stringData).map(([key, text]): [string, string] => [
    key,
    Buffer.from(String(text ?? ""), "utf8").toString("base64"),
  ]);
  const data = { ...(typeof rest.data === "object" ? rest.data : {}), ...Object.fromEntries(encoded) };
  return { ...rest, data } as KubeObject;
}

/** Without the annotations that say which commit applied it: those always differ. */
export function withoutBookkeeping(declared: KubeObject): KubeObject {
  const { annotations } = declared.metadata;
  if (annotations === undefined) return declared;
  const {
    [ANNOTATION.commit]: _commit,
    [ANNOTATION.source]: _source,
    [ANNOTATION.declared]: _digest,
    ...others
  } = annotations;
  return { ...declared, metadata: { ...declared.metadata, annotations: others } };
}
