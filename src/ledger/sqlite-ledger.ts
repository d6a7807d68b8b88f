/** The ledger of the embedded cluster: append-only tables in a database file of its own. */
import type { Clock } from "../util/clock.ts";

export interface SqliteLedgerOptions {
  /** Absolute path of the database file; created with mode 0600. */
  path: string;
  clock?: Clock;
}
