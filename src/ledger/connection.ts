/** One handle on the ledger's file: transactions, statements prepared once, and appends that carry their link. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { TrueupError } from "../model/errors.ts";
import { databaseTrouble } from "../util/database-trouble.ts";
import { effect, type Fault } from "../util/fault.ts";
import { CHAIN_START, type ChainHead, type FactKind, type Link, nextLink } from "./chain.ts";
import { openLedgerDatabase } from "./database.ts";
import type { Row } from "./rows.ts";

export class LedgerConnection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #fault: Fault | undefined;
  readonly #statements = new Map<string, StatementSync>();

  /** @throws {TrueupError} `io` when the file cannot be opened, `invalid` when a newer trueup wrote it */
  constructor(path: string, fault?: Fault) {
    this.path = path;
    this.#fault = fault;
    this.#db = openLedgerDatabase(path);
  }

  close(): void {
    if (!this.#db.isOpen) return;
    this.#statements.clear();
    this.#db.close();
  }

  all(sql: string, values: readonly SQLInputValue[]): Row[] {
    return this.#statement(sql).all(...values) as Row[];
  }

  /** @returns The row's number */
  run(sql: string, values: readonly SQLInputValue[]): number {
    return Number(this.#statement(sql).run(...values).lastInsertRowid);
  }

  /** Where the chain has come to. Read anew in each transaction: other handles append too. */
  head(): ChainHead {
    const [row] = this.all("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1", []);
    return row === undefined ? CHAIN_START : { seq: Number(row.seq), hash: String(row.hash) };
  }

  /**
   * Links a fact whose row was written in this transaction.
   *
   * @param fact Number of its row
   */
  link(kind: FactKind, fact: number, content: string, head: ChainHead = this.head()): Link {
    const link = nextLink(head, kind, content);
    const { seq, digest, hash } = link;
    this.run("INSERT INTO chain (seq, kind, fact, digest, hash) VALUES (?, ?, ?, ?, ?)", [
      seq,
      kind,
      fact,
      digest,
      hash,
    ]);
    return link;
  }

  /** Looks and appends in one transaction, so that two handles cannot both find a row missing. */
  write<T>(doing: string, work: () => T): T {
    return this.#guard(doing, () => effect(this.#fault, "ledger append", doing, () => this.#transaction(work)));
  }

  #transaction<T>(work: () => T): T {
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    }
  }

  /** Several statements, one state of the file. */
  read<T>(doing: string, work: () => T): T {
    return this.#guard(doing, () => {
      this.#db.exec("BEGIN");
      try {
        return work();
      } finally {
        this.#db.exec("COMMIT");
      }
    });
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #guard<T>(doing: string, work: () => T): T {
    try {
      return work();
    } catch (error) {
      if (error instanceof TrueupError) throw error;
      const { says, hint } = databaseTrouble(error);
      throw new TrueupError("io", `Cannot ${doing} in the ledger ${this.path}: ${says}`, { cause: error, hint });
    }
  }
}
