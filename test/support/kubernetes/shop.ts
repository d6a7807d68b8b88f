/** A repository with a real trueup that keeps a cluster true to it: what tests of the daemon on a cluster start from. */
import { execFileSync } from "node:child_process";
import { mkdirSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import type { DaemonStatus } from "../../../src/model/status.ts";
import { Child, type Home, MAIN, makeHome, trueup } from "../processes.ts";

/** Name of the context in the kubeconfigs of tests. */
export const CONTEXT = "trueup-test";
const UNTIL_MS = 90_000;

export class Shop {
  readonly home: Home = makeHome();
  readonly repository: string;
  readonly #children: Child[] = [];

  constructor() {
    this.repository = join(this.home.dir, "shop");
    mkdirSync(this.repository);
    this.git("init", "--quiet", "--initial-branch", "main");
    this.git("config", "user.name", "Ann");
    this.git("config", "user.email", "ann@example.org");
  }

  get head(): string {
    return this.git("rev-parse", "HEAD");
  }

  git(...args: string[]): string {
    return execFileSync("git", args, { cwd: this.repository, encoding: "utf8", env: this.home.env }).trim();
  }

  /** @returns The commit's id */
  commit(message: string, files: Readonly<Record<string, string>>): string {
    for (const [path, text] of Object.entries(files)) {
      mkdirSync(dirname(join(this.repository, path)), { recursive: true });
      writeFileSync(join(this.repository, path), text);
    }
    this.git("add", "--all");
    this.git("commit", "--quiet", "-m", message);
    return this.head;
  }

  /** Starts `trueup run ARGS`. */
  run(...args: string[]): Child {
    const child = new Child([process.execPath, MAIN, "run", ...args], { cwd: this.home.dir, env: this.home.env });
    this.#children.push(child);
    return child;
  }

  /**
   * Runs a command of trueup in the repository.
   *
   * @returns What it printed
   * @throws When it does not succeed
   */
  async ok(...args: string[]): Promise<string> {
    const { code, stdout, stderr } = await trueup(args, this.home, this.repository);
    if (code === 0) return stdout;
    throw new Error(`trueup ${args.join(" ")} must succeed: it ends with ${code}\n${stdout}${stderr}`);
  }

  async json<T>(...args: string[]): Promise<T> {
    return JSON.parse(await this.ok(...args, "-o", "json")) as T;
  }

  /** Asks again until the status is as wanted; each question is a process, which is wait enough. */
  async until(wanted: (status: DaemonStatus) => boolean): Promise<DaemonStatus> {
    for (const end = Date.now() + UNTIL_MS; ; ) {
      const { code, stdout, stderr } = await trueup(["status", "-o", "json"], this.home, this.repository);
      const found = code === 0 ? (JSON.parse(stdout) as DaemonStatus) : null;
      if (found !== null && wanted(found)) return found;
      const told = this.#children.map(({ output }) => output).join("\n");
      if (Date.now() > end) throw new Error(`the status does not get as wanted: ${stdout}${stderr}\n${told}`);
    }
  }

  synced(commit: string): Promise<DaemonStatus> {
    return this.until(
      ({ apps }) => apps.length > 0 && apps.every(({ phase, applied }) => phase === "Synced" && applied === commit),
    );
  }

  /** Ends what was started, by process id, and removes all of it. */
  async end(): Promise<void> {
    for (const child of this.#children) child.kill("SIGKILL");
    await Promise.all(this.#children.map((child) => child.exited));
    this.home.remove();
  }
}
