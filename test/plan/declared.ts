/** Declared and observed objects for plan tests, made by hand. */
import type { Declared } from "../../src/model/manifest.ts";
import { groupOf, idOf, isClusterScoped, type KubeObject } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { asObjectHash } from "../../src/model/source.ts";

export function declaredOf(object: KubeObject, file = "app.yaml", blobDigit = "a"): Declared {
  const locate = () => ({ file, line: 1, column: 1 });
  return {
    object,
    id: idOf(object),
    file,
    blob: asObjectHash(blobDigit.repeat(40)),
    document: 0,
    locate,
    locateValue: locate,
  };
}

/** As a backend stores it after applying it for `owner`, or as others made it when that is null. */
export function observedOf(object: KubeObject, owner: string | null, version = "1"): Observed {
  const live = structuredClone(object);
  live.metadata = {
    ...(!isClusterScoped(groupOf(object.apiVersion), object.kind) && { namespace: "default" }),
    ...live.metadata,
    uid: `uid-${object.metadata.name}`,
    resourceVersion: version,
  };
  return { object: live, applied: owner === null ? null : object, owner };
}

export function configMap(name: string, data: Record<string, string> = {}, metadata: object = {}): KubeObject {
  return { apiVersion: "v1", kind: "ConfigMap", metadata: { name, ...metadata }, data };
}

export function deployment(name: string, image = "web:v1", spec: object = {}): KubeObject {
  return {
    apiVersion: "apps/v1",
    kind: "Deployment",
    metadata: { name },
    spec: {
      replicas: 3,
      selector: { matchLabels: { app: name } },
      ...spec,
      template: { metadata: { labels: { app: name } }, spec: { containers: [{ name: "web", image }] } },
    },
  };
}

export function plain(kind: string, name: string, fields: object = {}): KubeObject {
  return { apiVersion: "v1", kind, metadata: { name }, ...fields };
}
