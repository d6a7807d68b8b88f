/** What the package exports: the interfaces that others can implement, and the types they are made of. */
export type * from "./model/backend.ts";
export type { ErrorCode } from "./model/errors.ts";
export { TrueupError } from "./model/errors.ts";
export type * from "./model/ledger.ts";
export type * from "./model/object.ts";
export { groupOf, idOf, keyOf, keyOfId, matchesSelector } from "./model/object.ts";
export type * from "./model/plan.ts";
export type * from "./model/runtime.ts";
export type * from "./model/workload.ts";
