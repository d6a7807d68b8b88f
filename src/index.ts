/** What the package exports: the interfaces that others can implement, the types they are made of, and the way to a cluster. */
export type { ConnectOptions } from "./backend/kubernetes/connect.ts";
export { connectKubernetes } from "./backend/kubernetes/connect.ts";
export type * from "./model/backend.ts";
export type { ErrorCode, RefusedField } from "./model/errors.ts";
export { TrueupError } from "./model/errors.ts";
export type * from "./model/kube-api.ts";
export type * from "./model/ledger.ts";
export type * from "./model/object.ts";
export { groupOf, idOf, keyOf, keyOfId, matchesSelector } from "./model/object.ts";
export type * from "./model/plan.ts";
export type * from "./model/runtime.ts";
export type * from "./model/workload.ts";
