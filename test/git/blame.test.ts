/** Who wrote which line, asked of real repositories. */
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { blame } from "../../src/git/blame.ts";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import { commitAll, gitIn, initRepository, temporary } from "./support.ts";

let folder: ReturnType<typeof temporary>;
let repository: Repository;

beforeEach(async () => {
  folder = temporary();
  initRepository(folder.path);
  repository = await openRepository(folder.path);
});
afterEach(async () => {
  await repository.close();
  folder.dispose();
});

describe("blame", () => {
  it("names the commit of each line, as of the commit asked about and whatever the work tree holds", async () => {
    const one = commitAll(folder.path, { "a b/web é.yaml": "a\nb\nc\n" }, "deadbeef 1 1 in a subject");
    const two = commitAll(folder.path, { "a b/web é.yaml": "a\nB\nc\n" }, "two");
    commitAll(folder.path, { "a b/web é.yaml": "gone\n" });
    writeFileSync(join(folder.path, "a b/web é.yaml"), "not committed\n");
    const file = "a b/web é.yaml";
    expect([...(await blame(repository, two, file, { first: 1, last: 3 }))]).toEqual([
      [1, one],
      [2, two],
      [3, one],
    ]);
    expect([...(await blame(repository, one, file, { first: 2, last: 2 }))]).toEqual([[2, one]]);
  });

  it("follows a file that was renamed", async () => {
    const one = commitAll(folder.path, { "old.yaml": "a\nb\nc\nd\n" });
    gitIn(folder.path, ["mv", "old.yaml", "new.yaml"]);
    const two = commitAll(folder.path, {});
    expect([...(await blame(repository, two, "new.yaml", { first: 1, last: 1 }))]).toEqual([[1, one]]);
  });

  it("runs no text conversion that the repository asks for", async () => {
    const mark = join(folder.path, "ran");
    gitIn(folder.path, ["config", "diff.evil.textconv", `touch ${mark}; cat`]);
    const one = commitAll(folder.path, { ".gitattributes": "*.yaml diff=evil\n", "a.yaml": "a\n" });
    await blame(repository, one, "a.yaml", { first: 1, last: 1 });
    expect(gitIn(folder.path, ["status", "--porcelain"])).toBe("");
  });

  it("says in git's words what cannot be told, and takes no path out of the repository", async () => {
    const one = commitAll(folder.path, { "a.yaml": "a\n" });
    const range = { first: 1, last: 1 };
    await expect(blame(repository, one, "b.yaml", range)).rejects.toMatchObject({ code: "unavailable" });
    await expect(blame(repository, one, "a.yaml", { first: 7, last: 9 })).rejects.toThrow(/has only 1 line/);
    await expect(blame(repository, one, "../a.yaml", range)).rejects.toMatchObject({ code: "invalid" });
  });
});
