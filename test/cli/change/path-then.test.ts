/** Where an app was at an earlier commit. */
import { afterEach, expect, it } from "vitest";
import { movedTo, pathThen } from "../../../src/cli/change/path-then.ts";
import { openRepository } from "../../../src/git/repository.ts";
import { commitAll, initRepository } from "../../git/support.ts";
import { makeHome } from "../../support/processes.ts";

const homes: { remove(): void }[] = [];
afterEach(() => {
  for (const home of homes.splice(0)) home.remove();
});

it.each<[title: string, config: string | null, file: string, now: string, want: string]>([
  ["stays", "apps: [{ name: web, path: apps/web }]", "apps/web/a.yaml", "apps/web", "apps/web"],
  ["is all of the repository", null, "deploy/a.yaml", "", ""],
  ["was all of the repository", null, "a.yaml", "apps/web", ""],
  ["was moved", "apps: [{ name: web, path: old }]", "old/a.yaml", "apps/web", "old"],
  ["was renamed and moved", "apps: [{ name: shop, path: old }]", "old/a.yaml", "apps/web", "old"],
  ["lay in another", "apps: [{ name: a, path: x }, { name: b, path: x/y }]", "x/y/a.yaml", "apps/web", "x/y"],
  ["has the name of another's", "apps: [{ name: web, path: x }, { name: b, path: x/y }]", "x/y/a.yaml", "now", "x"],
  ["was named by the operator", "apps: [{ name: web, path: other }]", "mine/a.yaml", "now", "mine"],
  ["was named wrongly", "apps: 3", "a.yaml", "now", ""],
])("the directory %s", async (_title, config, file, now, want) => {
  const home = makeHome();
  homes.push(home);
  initRepository(home.dir);
  const commit = commitAll(home.dir, { ...(config !== null && { "trueup.yaml": config }), [file]: "a: b\n" }, "First");
  const repository = await openRepository(home.dir);
  try {
    expect(await pathThen(repository, { commit, file, app: "web" }, now)).toBe(want);
  } finally {
    await repository.close();
  }
});

it.each([
  ["old/a/b.yaml", "old", "new/place", "new/place/a/b.yaml"],
  ["a.yaml", "", "new", "new/a.yaml"],
  ["old/a.yaml", "old", "", "a.yaml"],
  ["old/a.yaml", "old", "old", "old/a.yaml"],
  ["else/a.yaml", "old", "new", "else/a.yaml"],
])("%s of %j belongs in %j as %s", (file, then, now, want) => expect(movedTo(file, then, now)).toBe(want));
