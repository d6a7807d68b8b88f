/** The compiled checks as each Kubernetes version combines them. A body is compiled by the engine when it is first called. */
import { BODIES, TABLES } from "../generated/checks.js";

/** One definition's check; `table` holds the checks of the definitions that it refers to. */
export type Check = (value: unknown, table: CheckTable) => boolean;
export type CheckTable = readonly (Check | undefined)[];

const tables = new Map<string, CheckTable>();

/** The checks of a Kubernetes version by the number of their definition. */
export function checkTable(version: string): CheckTable {
  const known = tables.get(version);
  if (known !== undefined) return known;
  const table = (TABLES[version] ?? []).map((body) => (body === undefined ? undefined : BODIES[body]));
  tables.set(version, table);
  return table;
}
