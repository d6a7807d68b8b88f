/** The shape of a compiled check, and of what it finds. */

/** One fault, as ajv reports it. */
export interface SchemaFault {
  /** JSON pointer to the value. */
  instancePath: string;
  schemaPath: string;
  keyword: string;
  params: Record<string, unknown>;
  message?: string;
}

/** Returns whether the data fits; its faults are left in `errors` until the next call. */
export interface CheckFunction {
  (data: unknown): boolean;
  errors?: SchemaFault[] | null;
}
