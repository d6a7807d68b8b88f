/** Explanations of what only a reconciler finds: it takes a commit, other apps or a cluster, so that no file is an example. */
import type { ReconcilerRuleId } from "../rules.ts";

/** Why each is an error: always one, and nobody may lower it. */
export const RECONCILER_EXPLANATIONS: Readonly<Record<ReconcilerRuleId, string>> = {
  "app-path":
    "A directory that is gone would look like an app whose objects were all removed. Bring it back, or change the app's path in trueup.yaml.",
  "hook-made-anew":
    "A hook runs as an object of its own, and one of this name is there that is no earlier run of it, or that may not be deleted. Give the hook another name, or allow its replacement with the annotation trueup/replace: allowed.",
  "image-tag-reused":
    "What a tag stood for has changed since it was first used, so that history would lie about what ran. Give every build a tag of its own.",
  "immutable-field":
    "Kubernetes never changes these fields of an object that exists. Take the change back, give the object another name, or annotate it trueup/replace: allowed: then it is deleted and made anew.",
  "manifest-not-a-file":
    "A link may lead out of the repository, and a submodule is none of its content. Were they passed over, what they declare would look removed. Put a file there.",
  "manifest-unreadable":
    "What cannot be read may declare objects; were it passed over, they would look removed. Make the file text, and smaller than limits.manifestBytes of trueup.config.yaml.",
  "manifests-limit":
    "The operator limits how many manifests an app may have. Raise limits.manifests in trueup.config.yaml, or split the app.",
  "object-declared-by-two-apps":
    "Two apps that declare one object would undo each other's changes at every pass. Remove it from one of the two; what is left with the other is handed over, not deleted.",
  "ref-untrusted":
    "Pods run as you, and whoever can push to a ref decides what they do. The operator names the refs that are trusted in trust.refs of trueup.config.yaml.",
  "refused-by-backend":
    "The API server said no to this object before anything was changed: its message says why. Mend the manifest, or ask whoever runs the cluster.",
};
