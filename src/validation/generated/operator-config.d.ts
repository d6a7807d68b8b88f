/** Types of the checks beside this file, made by scripts/generate-schemas.ts. */
import type { CheckFunction } from "../check.ts";

export declare const checkConfig: CheckFunction;
