/** The state directory of a simulated machine: one generation of databases after the other, each as a kill left the one before. */
import { copyFileSync, existsSync, mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { DatabaseSync } from "node:sqlite";

const TABLES = ["objects", "applied", "meta"];

export interface Databases {
  cluster: string;
  ledger: string;
}

export class StateFiles {
  readonly directory = mkdtempSync(join(tmpdir(), "trueup-simulation-"));
  #generation = 0;

  /** Those that a daemon has, or the next one will find. */
  get databases(): Databases {
    return this.#of(this.#generation);
  }

  /** Makes a directory in it. */
  make(name: string): string {
    const path = join(this.directory, name);
    mkdirSync(path);
    return path;
  }

  /** The next daemon finds what is in the files at this very moment. */
  fork(): void {
    const from = this.databases;
    this.#generation++;
    const to = this.databases;
    for (const which of ["cluster", "ledger"] as const) {
      for (const end of ["", "-wal"]) {
        if (existsSync(`${from[which]}${end}`)) copyFileSync(`${from[which]}${end}`, `${to[which]}${end}`);
      }
    }
  }

  /** Removes what the daemon before the last fork had. */
  removeLast(): void {
    for (const path of Object.values(this.#of(this.#generation - 1))) {
      for (const end of ["", "-wal", "-shm"]) rmSync(`${path}${end}`, { force: true });
    }
  }

  /** Has every write of the object store fail, or no longer: SQLite itself refuses them, as on a full disk. */
  fillStore(isFull: boolean): void {
    const { cluster: path } = this.databases;
    if (!existsSync(path)) return;
    const db = new DatabaseSync(path, { timeout: 1_000 });
    try {
      const sql = TABLES.flatMap((table) =>
        ["INSERT", "DELETE"].map((what) => {
          const name = `full_${table}_${what}`;
          return isFull
            ? `CREATE TRIGGER IF NOT EXISTS ${name} BEFORE ${what} ON ${table}
               BEGIN SELECT RAISE(ABORT, 'database or disk is full'); END;`
            : `DROP TRIGGER IF EXISTS ${name};`;
        }),
      );
      db.exec(sql.join("\n"));
    } finally {
      db.close();
    }
  }

  remove(): void {
    rmSync(this.directory, { recursive: true, force: true });
  }

  #of(generation: number): Databases {
    return {
      cluster: join(this.directory, `cluster-${generation}.db`),
      ledger: join(this.directory, `ledger-${generation}.db`),
    };
  }
}
