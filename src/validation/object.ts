/** Checks one declared object by itself: kind, schema, and the rules of its kind. */
import type { Diagnostic } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import { groupOf } from "../model/object.ts";
import { checkAutoscaler } from "./autoscaler.ts";
import { checkClaim } from "./claim.ts";
import { checkCronJob } from "./cron-job.ts";
import { checkDefinition } from "./custom/definition.ts";
import { CustomSchema } from "./custom/kinds.ts";
import { checkDaemonSet } from "./daemon-set.ts";
import { checkConfigMap, checkSecret } from "./data.ts";
import { checkDisruptionBudget } from "./disruption-budget.ts";
import { Field, withoutNulls } from "./field.ts";
import { checkGateway } from "./gateway/gateway.ts";
import { checkGrpcRoute, checkHttpRoute } from "./gateway/route.ts";
import { checkIngress } from "./ingress.ts";
import { checkJob } from "./job.ts";
import { checkMetadata } from "./metadata.ts";
import { checkNetworkPolicy } from "./network-policy.ts";
import { checkOwnRules } from "./own-rules.ts";
import { checkPod } from "./pod.ts";
import { checkPolicies } from "./policies/index.ts";
import { checkLimitRange, checkResourceQuota } from "./quota.ts";
import { checkClusterRole, checkClusterRoleBinding, checkRole, checkRoleBinding } from "./rbac.ts";
import { Report } from "./report.ts";
import { checkRestartOn } from "./restart-on.ts";
import { checkCustom, checkSchema } from "./schema.ts";
import { DEFAULT_KUBERNETES_VERSION } from "./schemas/index.ts";
import { type CustomOptions, schemaOf } from "./served.ts";
import { checkService } from "./service.ts";
import type { Checks } from "./settings.ts";
import { checkStatefulSet } from "./stateful-set.ts";
import { checkPersistentVolume } from "./volume.ts";
import { checkDeployment, checkReplicaSet } from "./workload.ts";

export interface ValidateOptions extends CustomOptions, Partial<Checks> {
  /** Rule ids whose diagnostics are left out. */
  disabledRules?: readonly string[];
  /** Kubernetes version whose schemas count; the newest unless given. */
  kubernetesVersion?: string;
  /** Leaves out everything that no schema can say. */
  schemasOnly?: boolean;
}

/** What the API server checks beyond a kind's schema, by `group/Kind`. */
const KIND_RULES: Readonly<Record<string, (report: Report, root: Field) => void>> = {
  "apps/Deployment": checkDeployment,
  "apps/ReplicaSet": checkReplicaSet,
  "apps/StatefulSet": checkStatefulSet,
  "apps/DaemonSet": checkDaemonSet,
  "batch/Job": checkJob,
  "batch/CronJob": checkCronJob,
  "/PersistentVolume": checkPersistentVolume,
  "/PersistentVolumeClaim": checkClaim,
  "autoscaling/HorizontalPodAutoscaler": checkAutoscaler,
  "networking.k8s.io/Ingress": checkIngress,
  "networking.k8s.io/NetworkPolicy": checkNetworkPolicy,
  "rbac.authorization.k8s.io/Role": checkRole,
  "rbac.authorization.k8s.io/ClusterRole": checkClusterRole,
  "rbac.authorization.k8s.io/RoleBinding": checkRoleBinding,
  "rbac.authorization.k8s.io/ClusterRoleBinding": checkClusterRoleBinding,
  "policy/PodDisruptionBudget": checkDisruptionBudget,
  "/LimitRange": checkLimitRange,
  "/ResourceQuota": checkResourceQuota,
  "/Pod": checkPod,
  "/Service": checkService,
  "/ConfigMap": checkConfigMap,
  "/Secret": checkSecret,
  "apiextensions.k8s.io/CustomResourceDefinition": checkDefinition,
};

/** Kinds that many clusters have though Kubernetes does not bring them: their rules count also where no definition is known. */
const GATEWAY_RULES: Readonly<Record<string, (report: Report, root: Field, isDefined: boolean) => void>> = {
  "gateway.networking.k8s.io/HTTPRoute": checkHttpRoute,
  "gateway.networking.k8s.io/GRPCRoute": checkGrpcRoute,
  "gateway.networking.k8s.io/Gateway": checkGateway,
};

function checkGatewayKind(
  report: Report,
  { id, object }: Declared,
  { schemasOnly = false }: ValidateOptions,
  schema: CustomSchema | undefined,
): void {
  if (schemasOnly) return;
  GATEWAY_RULES[`${id.group}/${id.kind}`]?.(report, new Field(withoutNulls(object)), schema !== undefined);
}

/**
 * Checks one object by itself: schema, semantics, names, images, and what a configuration asks beyond that. Pure, so the
 * result may be kept per blob.
 */
export function validateDeclared(declared: Declared, options: ValidateOptions = {}): Diagnostic[] {
  const report = new Report(declared, options.disabledRules);
  checkKind(report, declared, options);
  if (options.schemasOnly === true) return report.diagnostics;
  // Also of kinds that may go without a schema, and of objects that have other faults: all is said at once.
  const { policies = [], rules = [] } = options;
  checkPolicies(report, declared, policies);
  checkOwnRules(report, declared, rules);
  return report.diagnostics;
}

/** What the API server asks of an object of its kind, and trueup of every one. */
function checkKind(report: Report, declared: Declared, options: ValidateOptions): void {
  const version = options.kubernetesVersion ?? DEFAULT_KUBERNETES_VERSION;
  const schema = schemaOf(report, declared, version, options);
  if (schema === undefined || schema instanceof CustomSchema) checkGatewayKind(report, declared, options, schema);
  if (schema === undefined) return;
  if (schema instanceof CustomSchema) checkCustom(report, schema, declared.object);
  else checkSchema(report, schema, declared.object);
  if (options.schemasOnly === true) return;
  const name = { group: groupOf(schema.apiVersion), kind: schema.kind };
  const root = new Field(withoutNulls(declared.object));
  checkMetadata(report, { ...name, scope: schema.scope }, root.at("metadata"), version);
  checkRestartOn(report, root);
  KIND_RULES[`${name.group}/${name.kind}`]?.(report, root);
}
