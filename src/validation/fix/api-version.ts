/** The fix of an API version that was renamed and nothing else. */
import type { Fixer } from "./fixer.ts";

/**
 * `apiVersion kind` to the version that has the same fields with the same meaning and defaults. Left out are those where
 * something differs: Deployments of apps/v1beta1 and extensions (other defaults), PodDisruptionBudgets (what an empty
 * selector selects), Ingresses and EndpointSlices (other fields), admission and CRDs.
 */
const SAME_SHAPE: ReadonlyMap<string, string> = new Map(
  (
    [
      ["apps/v1beta2", "apps/v1", ["Deployment", "ReplicaSet", "StatefulSet", "DaemonSet"]],
      ["batch/v1beta1", "batch/v1", ["CronJob"]],
      ["autoscaling/v2beta2", "autoscaling/v2", ["HorizontalPodAutoscaler"]],
      ["networking.k8s.io/v1beta1", "networking.k8s.io/v1", ["IngressClass"]],
      [
        "rbac.authorization.k8s.io/v1beta1",
        "rbac.authorization.k8s.io/v1",
        ["Role", "RoleBinding", "ClusterRole", "ClusterRoleBinding"],
      ],
      ["scheduling.k8s.io/v1beta1", "scheduling.k8s.io/v1", ["PriorityClass"]],
      ["coordination.k8s.io/v1beta1", "coordination.k8s.io/v1", ["Lease"]],
      ["storage.k8s.io/v1beta1", "storage.k8s.io/v1", ["StorageClass", "CSIStorageCapacity"]],
      ["node.k8s.io/v1beta1", "node.k8s.io/v1", ["RuntimeClass"]],
    ] as const
  ).flatMap(([from, to, kinds]) => kinds.map((kind): [string, string] => [`${from} ${kind}`, to])),
);

export const fixApiVersion: Fixer = ({ text, start, end, declared }) => {
  if (declared === undefined) return null;
  const { apiVersion, kind } = declared.object;
  const next = SAME_SHAPE.get(`${apiVersion} ${kind}`);
  const source = text.slice(start, end);
  if (next === undefined || !source.includes(apiVersion)) return null;
  return { start, end, insert: source.replace(apiVersion, next), does: `writes apiVersion ${next}` };
};
