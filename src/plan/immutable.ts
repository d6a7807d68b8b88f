/** Which changes the API refuses on an existing object, so that only a new object could have them. Pure. */
import type { KubeObject } from "../model/object.ts";
import type { FieldChange } from "../model/plan.ts";

/** Fields of a pod's spec that may change while it exists; all others make it another pod. */
const MUTABLE_POD_FIELD =
  /^spec\.(?:containers\[name=[^\]]*\]\.image|initContainers\[name=[^\]]*\]\.image|activeDeadlineSeconds|tolerations)/;

/**
 * The paths that keep an update from being one.
 *
 * @see Kubernetes pkg/apis/{apps,core}/validation: ValidateDeploymentUpdate, ValidatePodUpdate, ValidateSecretUpdate
 */
export function immutableChanges(live: KubeObject, fields: readonly FieldChange[]): string[] {
  const isFixed = fixedFields(live);
  return fields.map(({ path }) => path).filter(isFixed);
}

function fixedFields(live: KubeObject): (path: string) => boolean {
  switch (live.kind) {
    case "Deployment":
    case "ReplicaSet":
      return (path) => path.startsWith("spec.selector");
    case "Pod":
      return (path) => path.startsWith("spec.") && !MUTABLE_POD_FIELD.test(path);
    case "Secret":
      return (path) => path === "type" || isImmutableData(live, path);
    case "ConfigMap":
      return (path) => isImmutableData(live, path);
    default:
      return () => false;
  }
}

/** `immutable: true` cannot be taken back, and fixes the data. */
function isImmutableData(live: KubeObject, path: string): boolean {
  return live.immutable === true && /^(?:data|binaryData|immutable)\b/.test(path);
}
