/** Fields that the API server does not store when they are `false`, 0 or empty text, as Go cannot tell that from absent. */

/**
 * Those that people write, by the end of their path, from the Go types of Kubernetes 1.37: `omitempty` and no pointer. Of
 * others (`automountServiceAccountToken`, `storageClassName`, `optional`, …) zero says something that absence does not.
 */
const NOT_STORED = new RegExp(
  `(?:${[
    "^spec\\.(?:paused|minReadySeconds|unschedulable|clusterIP|loadBalancerIP|externalName|publishNotReadyAddresses|healthCheckNodePort)",
    "^spec\\.ports\\[\\]\\.(?:nodePort|name)",
    "^spec\\.rules\\[\\]\\.host",
    "^spec\\.volumeName",
    "^globalDefault",
    "^subjects\\[\\]\\.namespace",
    "[sS]pec\\.(?:hostNetwork|hostPID|hostIPC|nodeName|hostname|subdomain|priorityClassName|serviceAccountName|serviceAccount)",
    "\\.tolerations\\[\\]\\.(?:key|operator|value|effect)",
    "[cC]ontainers\\[\\]\\.(?:stdin|stdinOnce|tty|workingDir)",
    "[cC]ontainers\\[\\]\\.env\\[\\]\\.value",
    "[cC]ontainers\\[\\]\\.envFrom\\[\\]\\.prefix",
    "[cC]ontainers\\[\\]\\.ports\\[\\]\\.(?:name|hostPort|hostIP)",
    "[cC]ontainers\\[\\]\\.volumeMounts\\[\\]\\.(?:readOnly|subPath|subPathExpr)",
    "Probe\\.initialDelaySeconds",
    "\\.httpGet\\.host",
    "\\.volumes\\[\\]\\.emptyDir\\.medium",
    "\\.volumes\\[\\]\\.(?:persistentVolumeClaim|nfs|iscsi|cephfs|rbd|glusterfs)\\.readOnly",
  ].join("|")})$`,
);

/**
 * Whether a value at a path of a built-in kind is the same as none.
 *
 * @param path Field names joined with dots, `[]` for the items of lists
 */
export function isZeroAbsent(path: string, value: unknown): boolean {
  return (value === "" || value === 0 || value === false) && NOT_STORED.test(path);
}
