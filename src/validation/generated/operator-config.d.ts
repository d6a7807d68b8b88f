/** Types of the checks beside this file, made by scripts/generate-schemas.ts. */
import type { CheckFunction } from "../check.ts";

export declare const checkConfig: CheckFunction;
/** Names of settings by the place in the schema that allows no others. */
export declare const settings: Readonly<Record<string, readonly string[]>>;
