/** What tells a state directory from a copy of it: the comparison as a table, and real directories that are moved and copied. */
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { seededRandom } from "../../src/util/random.ts";
import {
  claimIdentity,
  lookAtIdentity,
  readIdentity,
  type StatePlace,
  standingOf,
} from "../../src/util/state-identity.ts";

const at = (path: string, device: string, inode: string): StatePlace => ({ path, device, inode });
const recorded = { id: "one", ...at("/a", "1", "10") };

describe("standingOf", () => {
  it.each([
    ["without an id", null, at("/a", "1", "10"), null, "new"],
    ["where it was", recorded, at("/a", "1", "10"), null, "same"],
    ["where it was, after the machine numbered its devices anew", recorded, at("/a", "7", "10"), null, "same"],
    ["put back from a backup to where it was", recorded, at("/a", "1", "99"), null, "same"],
    ["renamed", recorded, at("/b", "1", "10"), null, "moved"],
    ["moved to another file system, nothing left behind", recorded, at("/b", "2", "5"), null, "moved"],
    ["copied, the original still there", recorded, at("/b", "1", "11"), at("/a", "1", "10"), "copy"],
    ["copied to another file system with the same inode", recorded, at("/b", "2", "10"), at("/a", "1", "10"), "copy"],
  ] as const)("%s", (_case, identity, place, original, standing) => {
    expect(standingOf(identity, place, original)).toBe(standing);
  });
});

describe("a directory", () => {
  let dir: string;
  beforeEach(() => {
    dir = realpathSync(mkdtempSync(join(tmpdir(), "trueup-identity-")));
    mkdirSync(join(dir, "a"));
  });
  afterEach(() => rmSync(dir, { recursive: true, force: true }));

  const claim = (name: string) => claimIdentity(join(dir, name), seededRandom(1));

  it("gets an id once, in a file of its user's, and keeps it", () => {
    expect(claim("a")).toEqual({ standing: "new", original: join(dir, "a") });
    const { id } = readIdentity(join(dir, "a")) ?? { id: "" };
    expect(id).toMatch(/^[0-9a-f-]{36}$/);
    expect(claimIdentity(join(dir, "a"), seededRandom(2))).toEqual({ standing: "same", original: join(dir, "a") });
    expect(readIdentity(join(dir, "a"))?.id).toBe(id);
    expect(readdirSync(join(dir, "a"))).toEqual(["identity.json"]);
    expect((statSync(join(dir, "a", "identity.json")).mode & 0o777).toString(8)).toBe("600");
  });

  it("keeps it when it is renamed, and is then known at its new place", () => {
    claim("a");
    const id = readIdentity(join(dir, "a"))?.id;
    renameSync(join(dir, "a"), join(dir, "b"));
    expect(claim("b")).toEqual({ standing: "moved", original: join(dir, "b") });
    expect(readIdentity(join(dir, "b"))).toMatchObject({ id, path: join(dir, "b") });
  });

  it("that is a copy is left as it is, and may go on once the original is gone", () => {
    claim("a");
    cpSync(join(dir, "a"), join(dir, "b"), { recursive: true });
    expect(claim("b")).toEqual({ standing: "copy", original: join(dir, "a") });
    expect(readIdentity(join(dir, "b"))?.path).toBe(join(dir, "a"));
    expect(lookAtIdentity(join(dir, "a")).standing).toBe("same");
    rmSync(join(dir, "a"), { recursive: true });
    expect(claim("b").standing).toBe("moved");
  });

  it.each(["", "{", "[]", '{"id":""}', "null"])("with %j in the file gets a new id", (text) => {
    writeFileSync(join(dir, "a", "identity.json"), text);
    expect(claim("a").standing).toBe("new");
    expect(claim("a").standing).toBe("same");
  });
});
