/** Types of what is beside this file, made by scripts/generate-schemas.ts. */

/** Kubernetes versions that there are schemas of, oldest first. */
export declare const VERSIONS: readonly string[];
/** apiVersion, kind, 1 where it lives in no namespace, 1 where it is stored, number and name of its definition, versions as bits. */
export declare const KINDS: readonly (readonly [string, string, 0 | 1, 0 | 1, number, string, number])[];
