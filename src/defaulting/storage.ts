/** What the API server fills in for volumes, claims and storage (Kubernetes 1.37, pkg/apis/{core,storage}/v1/defaults.go). */
import { type Fields, fill, fillEmpty, isFields, within, withinAlways, without } from "./fill.ts";
import { canonicalAmounts } from "./quantity.ts";
import { canonicalField, defaultClaimSpec, defaultVolumeSources } from "./volumes.ts";

/** Which drivers need what: everything that a CSIDriver leaves out. */
const DRIVER = {
  attachRequired: true,
  podInfoOnMount: false,
  storageCapacity: false,
  fsGroupPolicy: "ReadWriteOnceWithFSType",
  requiresRepublish: false,
  seLinuxMount: false,
  preventPodSchedulingIfMissing: false,
} as const;

export function defaultVolume(volume: Fields): Fields {
  const filled = withinAlways(volume, "spec", (spec) => {
    const kept = fill(fillEmpty(spec, { persistentVolumeReclaimPolicy: "Retain" }), { volumeMode: "Filesystem" });
    return defaultVolumeSources(within(kept, "capacity", canonicalAmounts));
  });
  return withinAlways(filled, "status", (status) => fillEmpty(status, { phase: "Pending" }));
}

export function defaultClaim(claim: Fields): Fields {
  const filled = withinAlways(claim, "spec", (spec) => sameDataSource(defaultClaimSpec(spec)));
  return withinAlways(filled, "status", (status) => fillEmpty(status, { phase: "Pending" }));
}

/**
 * `dataSource` is the old name of `dataSourceRef`: the API server keeps both equal while no other namespace is named. It
 * does so for claims themselves only, not for templates of claims.
 *
 * @see Kubernetes pkg/api/persistentvolumeclaim/util.go, NormalizeDataSources
 */
function sameDataSource(spec: Fields): Fields {
  const { dataSource, dataSourceRef } = spec;
  if (isFields(dataSource)) return fill(spec, { dataSourceRef: dataSource });
  if (!isFields(dataSourceRef) || (dataSourceRef.namespace ?? "") !== "") return spec;
  return { ...spec, dataSource: without(dataSourceRef, "namespace") };
}

export function defaultStorageClass(storageClass: Fields): Fields {
  return fill(storageClass, { reclaimPolicy: "Delete", volumeBindingMode: "Immediate" });
}

export function defaultCsiDriver(driver: Fields): Fields {
  return withinAlways(driver, "spec", (spec) => {
    const filled = fill(spec, DRIVER);
    const modes = filled.volumeLifecycleModes;
    const isNone = !Array.isArray(modes) || modes.length === 0;
    return isNone ? { ...filled, volumeLifecycleModes: ["Persistent"] } : filled;
  });
}

/** Nothing is filled in; the two amounts are stored in their canonical form. */
export function spelledCapacity(capacity: Fields): Fields {
  return ["capacity", "maximumVolumeSize"].reduce((spelled, key) => canonicalField(spelled, key), capacity);
}
