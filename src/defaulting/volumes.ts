/** What the API server fills in for volumes and what they are made from (Kubernetes 1.37, pkg/apis/core/v1/defaults.go). */
import { each, type Fields, fill, fillEmpty, within } from "./fill.ts";
import { canonicalAmounts, canonicalQuantity } from "./quantity.ts";

/** Octal 0644: the mode of files made from configuration. */
const FILE_MODE = 0o644;

/** Defaults of one volume source each; the empty ones of Go's non-pointer fields are filled too. */
const VOLUME_SOURCES: Readonly<Record<string, Fields>> = {
  secret: { defaultMode: FILE_MODE },
  configMap: { defaultMode: FILE_MODE },
  downwardAPI: { defaultMode: FILE_MODE },
  projected: { defaultMode: FILE_MODE },
  hostPath: { type: "" },
  iscsi: { iscsiInterface: "default" },
  rbd: { pool: "rbd", user: "admin", keyring: "/etc/ceph/keyring" },
  azureDisk: { cachingMode: "ReadWrite", kind: "Shared", fsType: "ext4", readOnly: false },
  scaleIO: { storageMode: "ThinProvisioned", fsType: "xfs" },
};

/** Fills in what each volume source of a pod or of a PersistentVolume leaves out. */
export function defaultVolumeSources(holder: Fields): Fields {
  let filled = holder;
  for (const [source, defaults] of Object.entries(VOLUME_SOURCES)) {
    filled = within(filled, source, (value) => fill(value, defaults));
  }
  return filled;
}

/** Fills in a volume of a pod: one without a source is an empty directory. */
export function defaultVolume(volume: Fields): Fields {
  const sources = Object.keys(volume).filter(
    (key) => key !== "name" && volume[key] !== undefined && volume[key] !== null,
  );
  if (sources.length === 0) return { ...volume, emptyDir: {} };
  let filled = defaultVolumeSources(volume);
  filled = within(filled, "emptyDir", (directory) => canonicalField(directory, "sizeLimit"));
  filled = within(filled, "image", (image) => fillEmpty(image, { pullPolicy: pullPolicy(image.reference) }));
  filled = within(filled, "downwardAPI", defaultDownwardApi);
  filled = within(filled, "ephemeral", (ephemeral) =>
    within(ephemeral, "volumeClaimTemplate", (template) => within(template, "spec", defaultClaimSpec)),
  );
  return within(filled, "projected", (projected) =>
    each(projected, "sources", (source) => {
      const named = within(source, "downwardAPI", defaultDownwardApi);
      return within(named, "serviceAccountToken", (token) => fill(token, { expirationSeconds: 3600 }));
    }),
  );
}

/** Fills in the spec of a claim, of its own or inside what makes claims. */
export function defaultClaimSpec(spec: Fields): Fields {
  return within(fill(spec, { volumeMode: "Filesystem" }), "resources", defaultResources);
}

/** Spells the amounts of `resources` as the API server does. */
export function defaultResources(resources: Fields): Fields {
  return within(within(resources, "limits", canonicalAmounts), "requests", canonicalAmounts);
}

/** A divisor that is left out is stored as 0, and stands for 1. */
export function defaultDivisor(ref: Fields): Fields {
  return canonicalField(fill(ref, { divisor: "0" }), "divisor");
}

/** Always for the tag `latest`, written or implied; a digest alone implies no tag. */
export function pullPolicy(image: unknown): "Always" | "IfNotPresent" {
  if (typeof image !== "string" || image === "") return "IfNotPresent";
  const at = image.indexOf("@");
  const name = at < 0 ? image : image.slice(0, at);
  const colon = name.lastIndexOf(":");
  const tag = colon > name.lastIndexOf("/") ? name.slice(colon + 1) : at < 0 ? "latest" : "";
  return tag === "latest" ? "Always" : "IfNotPresent";
}

function defaultDownwardApi(source: Fields): Fields {
  return each(source, "items", (item) => {
    const named = within(item, "fieldRef", (ref) => fillEmpty(ref, { apiVersion: "v1" }));
    return within(named, "resourceFieldRef", defaultDivisor);
  });
}

export function canonicalField(object: Fields, key: string): Fields {
  const value = object[key];
  if (value === undefined) return object;
  const canonical = canonicalQuantity(value);
  return canonical === value ? object : { ...object, [key]: canonical };
}
