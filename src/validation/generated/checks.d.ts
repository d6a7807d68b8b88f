/** Types of what is beside this file, made by scripts/generate-schemas.ts. */
import type { Check } from "../schemas/table.ts";

/** The distinct checks. */
export declare const BODIES: readonly Check[];
/** Kubernetes version to the check of each definition, by its number; a hole where the version has none. */
export declare const TABLES: Readonly<Record<string, readonly (number | undefined)[]>>;
