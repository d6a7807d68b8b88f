/** Types of the checks beside this file, made by scripts/generate-schemas.ts. */
import type { CheckFunction } from "../check.ts";

export declare const checkDeployment: CheckFunction;
export declare const checkReplicaSet: CheckFunction;
export declare const checkPod: CheckFunction;
export declare const checkService: CheckFunction;
export declare const checkConfigMap: CheckFunction;
export declare const checkSecret: CheckFunction;
export declare const checkNamespace: CheckFunction;
