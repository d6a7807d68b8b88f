/** Following a ref: every way in which it can move is told once, at once, and what cannot be read is told as that. */
import { renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { REREAD_MS, type RefState, type RefWatcher, watchRef } from "../../src/git/ref-watcher.ts";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import type { TrueupError } from "../../src/model/errors.ts";
import type { CommitId } from "../../src/model/source.ts";
import { SystemClock, settle, VirtualClock } from "../../src/util/clock.ts";
import { commitAll, gitIn, headOf, initRepository, temporary } from "./support.ts";

let root: string;
let dispose: () => void;
const ends: (() => Promise<void>)[] = [];

beforeEach(() => {
  ({ path: root, dispose } = temporary());
  initRepository(root);
});

afterEach(async () => {
  for (const end of ends.splice(0).reverse()) await end();
  dispose();
});

async function open(path: string): Promise<Repository> {
  const repository = await openRepository(path);
  ends.push(() => repository.close());
  return repository;
}

/** Records what a watcher says, and lets a test wait for the next word. */
class Listener {
  readonly said: (RefState | TrueupError)[] = [];
  #wake: () => void = () => {};

  readonly hear = (word: RefState | TrueupError): void => {
    this.said.push(word);
    this.#wake();
  };

  /** Waits until something holds of all that was said. */
  async until(holds: (said: (RefState | TrueupError)[]) => boolean): Promise<void> {
    while (!holds(this.said)) {
      await new Promise<void>((resolve) => {
        this.#wake = resolve;
      });
    }
  }

  async untilLast(expected: RefState): Promise<void> {
    await this.until((said) => JSON.stringify(said.at(-1)) === JSON.stringify(expected));
  }
}

async function follow(repository: Repository, ref: string, clock = new SystemClock() as SystemClock | VirtualClock) {
  const listener = new Listener();
  const watcher: RefWatcher = await watchRef(
    repository,
    { ref },
    { clock, onChange: listener.hear, onError: listener.hear },
  );
  ends.push(() => watcher.close());
  return { watcher, listener };
}

const at = (ref: string | null, commit: CommitId | null): RefState => ({ ref, commit });
const MAIN = "refs/heads/main";

describe("watchRef", () => {
  it("tells the first state, each commit, and a forced move, each once", async () => {
    const first = commitAll(root, { a: "1" });
    const { listener, watcher } = await follow(await open(root), "main");
    expect(listener.said).toEqual([at(MAIN, first)]);
    const commits = [first];
    for (const content of ["2", "3", "4"]) {
      commits.push(commitAll(root, { a: content }));
      await listener.untilLast(at(MAIN, headOf(root)));
    }
    gitIn(root, ["reset", "-q", "--hard", first]);
    await listener.untilLast(at(MAIN, first));
    expect(listener.said).toEqual([...commits, first].map((commit) => at(MAIN, commit)));
    expect(watcher.current).toEqual(at(MAIN, first));
  });

  it("says nothing when refs are packed, other branches move, or files are staged", async () => {
    const first = commitAll(root, { a: "1" });
    gitIn(root, ["branch", "side"]);
    const { listener, watcher } = await follow(await open(root), MAIN);
    gitIn(root, ["pack-refs", "--all"]);
    gitIn(root, ["branch", "-f", "other", first]);
    writeFileSync(join(root, "b"), "b");
    gitIn(root, ["add", "b"]);
    await watcher.refresh();
    expect(listener.said).toEqual([at(MAIN, first)]);
    const second = commitAll(root, { a: "2" });
    gitIn(root, ["pack-refs", "--all"]);
    await listener.untilLast(at(MAIN, second));
  });

  it("tells of a branch that is deleted and made again, in a folder of its own too", async () => {
    const first = commitAll(root, { a: "1" });
    gitIn(root, ["branch", "team/one"]);
    const { listener } = await follow(await open(root), "team/one");
    gitIn(root, ["branch", "-q", "-D", "team/one"]);
    await listener.untilLast(at("refs/heads/team/one", null));
    gitIn(root, ["branch", "team/one"]);
    await listener.untilLast(at("refs/heads/team/one", first));
    expect(listener.said).toEqual([first, null, first].map((commit) => at("refs/heads/team/one", commit)));
  });

  it("follows HEAD: unborn, its first commit, another branch, detached", async () => {
    const { listener } = await follow(await open(root), "HEAD");
    expect(listener.said).toEqual([at(MAIN, null)]);
    const first = commitAll(root, { a: "1" });
    await listener.untilLast(at(MAIN, first));
    gitIn(root, ["checkout", "-q", "-b", "side"]);
    await listener.untilLast(at("refs/heads/side", first));
    const second = commitAll(root, { a: "2" });
    await listener.untilLast(at("refs/heads/side", second));
    gitIn(root, ["checkout", "-q", "--detach"]);
    await listener.untilLast(at(null, second));
  });

  it("follows a linked work tree's own HEAD and the branch it shares", async () => {
    const first = commitAll(root, { a: "1" });
    const linked = join(root, "linked");
    gitIn(root, ["worktree", "add", "-q", "-b", "side", linked]);
    const { listener } = await follow(await open(linked), "HEAD");
    expect(listener.said).toEqual([at("refs/heads/side", first)]);
    const second = commitAll(linked, { a: "2" });
    await listener.untilLast(at("refs/heads/side", second));
    gitIn(linked, ["checkout", "-q", "--detach", first]);
    await listener.untilLast(at(null, first));
  });

  it("tells one error while the repository is away, and the state when it is back", async () => {
    const first = commitAll(root, { a: "1" });
    const clock = new VirtualClock();
    const { listener, watcher } = await follow(await open(root), "HEAD", clock);
    renameSync(join(root, ".git"), join(root, "away"));
    await watcher.refresh();
    await watcher.refresh();
    expect(listener.said.slice(1)).toMatchObject([{ name: "TrueupError", code: "unavailable" }]);
    expect(watcher.current).toBeNull();
    renameSync(join(root, "away"), join(root, ".git"));
    await clock.advance(REREAD_MS);
    await listener.untilLast(at(MAIN, first));
    const second = commitAll(root, { a: "2" });
    await listener.untilLast(at(MAIN, second));
  });

  it("notices another repository in the same place", async () => {
    commitAll(root, { a: "1" });
    const clock = new VirtualClock();
    const { listener, watcher } = await follow(await open(root), MAIN, clock);
    rmSync(join(root, ".git"), { recursive: true });
    initRepository(root);
    const other = commitAll(root, { a: "another" }, "another history");
    await watcher.refresh();
    await listener.untilLast(at(MAIN, other));
    const next = commitAll(root, { a: "more" });
    await listener.untilLast(at(MAIN, next));
  });

  it("tells a broken ref as an error, never as absent", async () => {
    const first = commitAll(root, { a: "1" });
    const { listener } = await follow(await open(root), MAIN);
    writeFileSync(join(root, ".git/refs/heads/main"), "broken\n");
    await listener.until((said) => said.length === 2);
    expect(listener.said[1]).toMatchObject({ name: "TrueupError", code: "unavailable" });
    writeFileSync(join(root, ".git/refs/heads/main"), `${first}\n`);
    await listener.until((said) => said.length === 3);
    expect(listener.said[2]).toEqual(at(MAIN, first));
  });

  it("reads again every 30 s, as an event can be lost", async () => {
    commitAll(root, { a: "1" });
    const clock = new VirtualClock();
    const repository = await open(root);
    const { listener } = await follow(repository, MAIN, clock);
    const before = repository.objectReads;
    await clock.advance(REREAD_MS - 1);
    expect(repository.objectReads).toBe(before);
    await clock.advance(1);
    while (repository.objectReads === before) await settle();
    expect(repository.objectReads).toBe(before + 1);
    expect(listener.said).toHaveLength(1);
  });

  it("says nothing more once it is closed", async () => {
    commitAll(root, { a: "1" });
    const clock = new VirtualClock();
    const { listener, watcher } = await follow(await open(root), MAIN, clock);
    await watcher.close();
    commitAll(root, { a: "2" });
    await watcher.refresh();
    await clock.advance(REREAD_MS * 2);
    expect(listener.said).toHaveLength(1);
    expect(clock.pending).toBe(0);
  });

  it("refuses names that are no refs", async () => {
    const repository = await open(root);
    for (const ref of ["a b", "../x", "", "refs/heads/x.lock"]) {
      const options = { clock: new VirtualClock(), onChange: () => {}, onError: () => {} };
      await expect(watchRef(repository, { ref }, options), ref).rejects.toMatchObject({ code: "invalid" });
    }
  });
});
