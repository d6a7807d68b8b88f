/** Real histories of manifests, commit by commit: what a plan would create, change and remove, object by object. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { compareObjects } from "../../src/diff/compare.ts";
import { openRepository, type Repository } from "../../src/git/repository.ts";
import type { Declared } from "../../src/model/manifest.ts";
import { idOf, keyOfId } from "../../src/model/object.ts";
import type { Observed } from "../../src/model/plan.ts";
import { asCommitId } from "../../src/model/source.ts";
import { ConfigStamper, numberedDigest } from "../../src/plan/config-digest.ts";
import { planApp } from "../../src/plan/plan.ts";
import { AppSource, type Snapshot } from "../../src/reconcile/source.ts";
import { gitIn, temporary } from "../git/support.ts";
import { NO_ABORT } from "./world.ts";

const stamper = (): ConfigStamper => new ConfigStamper(numberedDigest());

const FIXTURES = join(import.meta.dirname, "../fixtures/histories");

interface Entry {
  file: string;
  object: string;
}
interface Expected {
  commit: string;
  subject: string;
  created: Entry[];
  removed: Entry[];
  changed: Entry[];
}

/** As the expectations name objects: file and identity, without a namespace where the manifest states none. */
function nameOf({ file, object }: Declared): string {
  const { group, kind, name } = idOf(object);
  return `${file} ${group}/${kind}/${object.metadata.namespace ?? ""}/${name}`;
}

/**
 * What has no name, as Kustomizations and files of other tools, declares no object: it is refused. Neither does what
 * configures a transformer of kustomize, whatever it is called: it is said to need rendering.
 */
const isObject = ({ object }: Entry): boolean => !object.endsWith("/") && !object.startsWith("/LabelTransformer/");

const text = ({ file, object }: Entry): string => `${file} ${object}`;

/** Objects by file and identity; the same object may stand in several files of a history, which no app could apply. */
function byName({ declared }: Snapshot): Map<string, Declared> {
  return new Map(declared.map((each) => [nameOf(each), each]));
}

describe.each(["example-voting-app", "guestbook-kubernetes-examples", "podinfo", "sock-shop"])(
  "the history of %s",
  (history) => {
    const folder = temporary();
    let repository: Repository;
    let commits: Expected[];

    beforeAll(async () => {
      const path = join(folder.path, "clone");
      gitIn(folder.path, ["clone", "-q", join(FIXTURES, history, "history.bundle"), path, "-b", "main"]);
      repository = await openRepository(path);
      const parsed = JSON.parse(readFileSync(join(FIXTURES, history, "expected-changes.json"), "utf8")) as {
        commits?: Expected[];
      };
      commits = (Array.isArray(parsed) ? parsed : (parsed.commits ?? [])) as Expected[];
    });
    afterAll(async () => {
      await repository.close();
      folder.dispose();
    });

    it("reads as the expectations say, commit by commit, each from the one before", async () => {
      const source = new AppSource(repository, { path: "", namespace: "default" }, stamper());
      let base: Snapshot | null = null;
      expect(commits.length).toBeGreaterThan(5);
      for (const { commit, subject, created, removed, changed } of commits) {
        const snapshot: Snapshot = await source.snapshot(asCommitId(commit), base, NO_ABORT);
        const before: Map<string, Declared> = base === null ? new Map() : byName(base);
        const after = byName(snapshot);
        const found = {
          created: [...after.keys()].filter((name) => !before.has(name)),
          removed: [...before.keys()].filter((name) => !after.has(name)),
          changed: [...after]
            .filter(([name, each]) => {
              const old = before.get(name);
              return old !== undefined && compareObjects(old.object, each.object).length > 0;
            })
            .map(([name]) => name),
        };
        const sorted = (names: string[]): string[] => [...new Set(names)].sort();
        expect({
          subject,
          created: sorted(found.created),
          removed: sorted(found.removed),
          changed: sorted(found.changed),
        }).toEqual({
          subject,
          created: sorted(created.filter(isObject).map(text)),
          removed: sorted(removed.filter(isObject).map(text)),
          changed: sorted(changed.filter(isObject).map(text)),
        });
        base = snapshot;
      }
    });

    it("plans the same: each commit applied to what the one before left behind", async () => {
      const source = new AppSource(repository, { path: "", namespace: "default" }, stamper());
      let base: Snapshot | null = null;
      let live = new Map<string, Observed>();
      for (const { commit, created, removed, changed } of commits) {
        const snapshot: Snapshot = await source.snapshot(asCommitId(commit), base, NO_ABORT);
        const declared = [...new Map(snapshot.declared.map((each) => [keyOfId(each.id), each])).values()];
        const prune = { maxObjects: 1000, maxPercent: 100 };
        const plan = planApp({ app: "a", commit: asCommitId(commit), declared, observed: [...live.values()], prune });
        const isQuiet = created.length + removed.length + changed.length === 0;
        if (isQuiet) expect(plan.changes).toEqual([]);
        const next = new Map<string, Observed>();
        for (const each of declared) {
          // A server says of a live object where it lives, whatever the manifest left out.
          const { namespace } = each.id;
          const metadata = { ...each.object.metadata, ...(namespace !== "" && { namespace }) };
          const object = { ...each.object, metadata };
          next.set(keyOfId(each.id), { object, applied: object, owner: "a" });
        }
        const again = planApp({ app: "a", commit: asCommitId(commit), declared, observed: [...next.values()], prune });
        expect(again.changes).toEqual([]);
        const touched = plan.changes.map(({ id }) => keyOfId(id));
        for (const key of new Set([...live.keys(), ...next.keys()])) {
          const differs = JSON.stringify(live.get(key)?.object) !== JSON.stringify(next.get(key)?.object);
          if (!differs) expect(touched).not.toContain(key);
          if (live.has(key) !== next.has(key)) expect(touched).toContain(key);
        }
        live = next;
        base = snapshot;
      }
    });
  },
);
