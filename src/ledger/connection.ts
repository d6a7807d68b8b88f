/** One handle on the ledger's file: transactions that appends share, statements prepared once, and appends that carry their link. */
import type { DatabaseSync, SQLInputValue, StatementSync } from "node:sqlite";
import { TrueupError } from "../model/errors.ts";
import { databaseTrouble } from "../util/database-trouble.ts";
import { effect, type Fault } from "../util/fault.ts";
import { CHAIN_START, type ChainHead, type FactKind, type Link, nextLink } from "./chain.ts";
import { openLedgerDatabase } from "./database.ts";
import type { Row } from "./rows.ts";

/** What was asked for and is written with the next transaction. */
interface Append {
  doing: string;
  work: () => unknown;
  done: (value: unknown) => void;
  failed: (error: unknown) => void;
}

export class LedgerConnection {
  readonly path: string;
  readonly #db: DatabaseSync;
  readonly #fault: Fault | undefined;
  readonly #statements = new Map<string, StatementSync>();
  #waiting: Append[] = [];
  /** Where the chain has come to in the transaction under way; null where nobody looked yet. */
  #head: ChainHead | null = null;

  /** @throws {TrueupError} `io` when the file cannot be opened, `invalid` when a newer trueup wrote it */
  constructor(path: string, fault?: Fault) {
    this.path = path;
    this.#fault = fault;
    this.#db = openLedgerDatabase(path);
  }

  close(): void {
    if (!this.#db.isOpen) return;
    this.#append();
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
    if (this.#head !== null) return this.#head;
    const [row] = this.all("SELECT seq, hash FROM chain ORDER BY seq DESC LIMIT 1", []);
    this.#head = row === undefined ? CHAIN_START : { seq: Number(row.seq), hash: String(row.hash) };
    return this.#head;
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
    this.#head = link;
    return link;
  }

  /**
   * Looks and appends in one transaction, so that two handles cannot both find a row missing. What is asked for at the same
   * moment shares one: of a thousand apps that note the same commit, each would otherwise pay for a transaction of its own.
   */
  write<T>(doing: string, work: () => T): Promise<T> {
    const { promise, resolve, reject } = Promise.withResolvers<T>();
    this.#waiting.push({ doing, work, done: (value) => resolve(value as T), failed: reject });
    if (this.#waiting.length === 1) queueMicrotask(() => this.#append());
    return promise;
  }

  #append(): void {
    const appends = this.#waiting.splice(0);
    const [first] = appends;
    if (first === undefined) return;
    const more = appends.length === 1 ? "" : ` (and ${appends.length - 1} more)`;
    try {
      const tell = effect(this.#fault, "ledger append", `${first.doing}${more}`, () => this.#commit(appends));
      for (const each of tell) each();
    } catch (error) {
      for (const each of appends) each.failed(this.#told(each.doing, error));
    }
  }

  /** @returns What tells each of them, for when all is over */
  #commit(appends: readonly Append[]): (() => void)[] {
    let isAtWork = false;
    try {
      const values = this.#transaction(() => {
        isAtWork = true;
        const made = appends.map(({ work }) => work());
        isAtWork = false;
        return made;
      });
      return appends.map(
        ({ done }, at) =>
          () =>
            done(values[at]),
      );
    } catch (error) {
      // A file that cannot be written is the same for all; what one of them asks for in vain is no matter of the others.
      if (!isAtWork || appends.length === 1) throw error;
      return appends.map((each) => this.#commitAlone(each));
    }
  }

  #commitAlone({ doing, work, done, failed }: Append): () => void {
    try {
      const value = this.#transaction(work);
      return () => done(value);
    } catch (error) {
      return () => failed(this.#told(doing, error));
    }
  }

  #transaction<T>(work: () => T): T {
    this.#head = null;
    this.#db.exec("BEGIN IMMEDIATE");
    try {
      const result = work();
      this.#db.exec("COMMIT");
      return result;
    } catch (error) {
      if (this.#db.isTransaction) this.#db.exec("ROLLBACK");
      throw error;
    } finally {
      this.#head = null;
    }
  }

  /** Several statements, one state of the file. */
  read<T>(doing: string, work: () => T): T {
    try {
      this.#db.exec("BEGIN");
      try {
        return work();
      } finally {
        this.#db.exec("COMMIT");
      }
    } catch (error) {
      throw this.#told(doing, error);
    }
  }

  #statement(sql: string): StatementSync {
    let statement = this.#statements.get(sql);
    if (statement === undefined) {
      statement = this.#db.prepare(sql);
      this.#statements.set(sql, statement);
    }
    return statement;
  }

  #told(doing: string, error: unknown): TrueupError {
    if (error instanceof TrueupError) return error;
    const { says, hint } = databaseTrouble(error);
    return new TrueupError("io", `Cannot ${doing} in the ledger ${this.path}: ${says}`, { cause: error, hint });
  }
}
