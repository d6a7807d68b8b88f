/** Types of the field names beside this file, made by scripts/generate-schemas.ts. */
/** Kind to its definition. */
export declare const KIND_TYPES: Readonly<Record<string, string>>;
/** Definition to its fields, and each field to the definition of its values ("" when they are plain). */
export declare const FIELDS: Readonly<Record<string, Readonly<Record<string, string>>>>;
