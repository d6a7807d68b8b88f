import { readFileSync } from "node:fs";
import { resolve } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { ReplicaSet } from "../../src/model/workload.ts";
import { annotationInt32, replicaCounts, replicasAnnotationsNeedUpdate } from "../../src/rollout/replicasets.ts";
import {
  appendRevisionHistory,
  currentAnnotations,
  findNewReplicaSet,
  findOldReplicaSets,
  newReplicaSet,
  nextRevision,
  replicaSetName,
} from "../../src/rollout/revisions.ts";
import { annotationsOfRevision, previousRevision } from "../../src/rollout/rollback.ts";
import { safeEncode, templateHash, templatesEqual } from "../../src/rollout/template.ts";
import { deployment, replicaSet, rolling, table, template } from "./objects.ts";

type Template = Parameters<typeof templatesEqual>[0];

describe("which ReplicaSet is new and which are old agrees with the upstream tables", () => {
  interface Given {
    replicaSets: string[];
    definitions: Record<
      string,
      { template: string; createdOffsetSeconds: number | null; "pod-template-hash"?: string }
    >;
  }
  /** As the table's semantics say: newRS has one replica, the others none. */
  function build({ replicaSets, definitions }: Given): ReplicaSet[] {
    return replicaSets.map((name) => {
      const definition = definitions[name];
      if (definition === undefined) throw new Error(`the table does not define ${name}`);
      const { createdOffsetSeconds, "pod-template-hash": hash } = definition;
      const isCurrent = definition.template === "current";
      const made = replicaSet(name, {
        replicas: name === "newRS" ? 1 : 0,
        image: isCurrent ? "web:v2" : "web:v1",
        created: createdOffsetSeconds ?? 0,
      });
      const labels = { app: "web", ...(hash === undefined ? {} : { "pod-template-hash": hash }) };
      return { ...made, spec: { ...made.spec, template: template(isCurrent ? "web:v2" : "web:v1", labels) } };
    });
  }
  const wanted = deployment({ template: template("web:v2") });

  it.each(table<Given, { newReplicaSet: string | null }>("find-new-replicaset"))(
    "$name",
    ({ in: given, expect: want }) => {
      expect(findNewReplicaSet(wanted, build(given))?.metadata.name ?? null).toBe(want.newReplicaSet);
    },
  );

  it.each(table<Given, { old: string[]; oldWithReplicas: string[] }>("find-old-replicasets"))(
    "$name",
    ({ in: given, expect: want }) => {
      const { old, oldWithReplicas } = findOldReplicaSets(wanted, build(given));
      const names = (list: ReplicaSet[]) => list.map(({ metadata }) => metadata.name).sort();
      expect({ old: names(old), oldWithReplicas: names(oldWithReplicas) }).toEqual({
        old: [...want.old].sort(),
        oldWithReplicas: [...want.oldWithReplicas].sort(),
      });
    },
  );
});

describe("templates are the same whatever their hash label says, as in the upstream table", () => {
  it.each(table<{ a: Template; b: Template }, { equal: boolean }>("template-equal-ignore-hash"))(
    "$name",
    ({ in: { a, b }, expect: want }) => {
      expect(templatesEqual(a, b)).toBe(want.equal);
      expect(templatesEqual(b, a)).toBe(want.equal);
    },
  );

  it("makes no difference between empty and absent where the API server makes none", () => {
    const a = { metadata: { labels: { app: "web" }, annotations: {} }, spec: { containers: [{ name: "a", env: [] }] } };
    const b = { metadata: { labels: { app: "web" } }, spec: { containers: [{ name: "a" }] } };
    expect(templatesEqual(a, b)).toBe(true);
    expect(templatesEqual({ spec: { containers: [], hostAliases: {} } }, { spec: { containers: [] } })).toBe(false);
  });
});

describe("the hash of a template", () => {
  const { cases } = JSON.parse(
    readFileSync(resolve(import.meta.dirname, "../fixtures/deployment/pod-template-hash.json"), "utf8"),
  ) as { cases: { name: string; template: Template; hash: Record<string, string> }[] };

  it("has the form of the ones that Kubernetes computes", () => {
    const alphabet = /^[bcdf456789]{1,10}$/; // What ten digits become.
    for (const { template: given, hash } of cases) {
      for (const theirs of Object.values(hash)) expect(theirs).toMatch(alphabet);
      expect(templateHash(given)).toMatch(alphabet);
    }
  });

  it("differs wherever theirs differs, and is not theirs, which changes with every release", () => {
    const ours = cases.map(({ template: given }) => templateHash(given));
    for (const release of ["1.34", "1.35", "1.36", "1.37"]) {
      expect(new Set(cases.map(({ hash }) => hash[release])).size).toBe(new Set(ours).size);
    }
  });

  it("is distinct for a thousand image versions, as the upstream test asks of theirs", () => {
    const hashes = Array.from({ length: 1000 }, (_, n) => templateHash(template(`registry/test/cats:v0.${n}.0`)));
    expect(new Set(hashes).size).toBe(1000);
  });

  it("stays what it is from release to release of trueup", () => {
    expect(templateHash(template("web:v1"))).toBe("65fb57dd7d");
    expect(templateHash(template("web:v1"), 1)).toBe("6d6bfbdddc");
    expect(safeEncode("0123456789")).toBe("456789bcdf");
  });

  it("does not depend on the order of keys nor on the hash label", () => {
    fc.assert(
      fc.property(fc.dictionary(fc.string(), fc.string()), fc.string(), (labels, hash) => {
        const forth = { metadata: { labels }, spec: { containers: [{ name: "web", image: "web:v1" }] } };
        const back = {
          spec: { containers: [{ image: "web:v1", name: "web" }] },
          metadata: { labels: { ...Object.fromEntries(Object.entries(labels).reverse()), "pod-template-hash": hash } },
        };
        const { "pod-template-hash": _hash, ...rest } = labels;
        expect(templateHash(back)).toBe(templateHash({ ...forth, metadata: { labels: rest } }));
      }),
    );
  });
});

describe("counts in annotations agree with the upstream tables", () => {
  it.each(
    table<{ annotations: Record<string, string> }, { value: number; valid: boolean; errorContains: string | null }>(
      "annotation-int32",
    ),
  )("$name", ({ in: { annotations }, expect: want }) => {
    const object = { ...replicaSet("rs"), metadata: { name: "rs", annotations } };
    const read = () => annotationInt32(object, "test");
    if (want.errorContains === null) expect(read()).toEqual({ value: want.value, valid: want.valid });
    else {
      expect([want.value, want.valid]).toEqual([0, false]);
      expect(read).toThrow(want.errorContains);
    }
  });

  it.each(
    table<{ annotations: Record<string, string>; wantDesired: number; wantMax: number }, { needsUpdate: boolean }>(
      "replicas-annotations-need-update",
    ),
  )("$name", ({ in: { annotations, wantDesired, wantMax }, expect: want }) => {
    const object = { ...replicaSet("rs"), metadata: { name: "rs", annotations } };
    expect(replicasAnnotationsNeedUpdate(object, wantDesired, wantMax)).toBe(want.needsUpdate);
  });
});

describe("sums over ReplicaSets agree with the upstream table", () => {
  interface Given {
    replicaSets: {
      specReplicas: number;
      statusReplicas: number;
      terminatingReplicas: number | null;
      observedGeneration: number;
    }[];
  }
  it.each(table<Given, { spec: number; status: number; terminating: number | null }>("replica-counts"))(
    "$name",
    ({ in: given, expect: want }) => {
      const replicaSets = given.replicaSets.map((row, index) => {
        const made = replicaSet(`rs-${index}`, { replicas: row.specReplicas });
        const terminating = row.terminatingReplicas === null ? {} : { terminatingReplicas: row.terminatingReplicas };
        const status = { replicas: row.statusReplicas, observedGeneration: row.observedGeneration, ...terminating };
        return { ...made, status };
      });
      const { spec, status, terminating = null } = replicaCounts(replicaSets);
      expect({ spec, status, terminating }).toEqual(want);
    },
  );
});

describe("names of ReplicaSets agree with the upstream table", () => {
  it.each(table<{ deployment: string; hash: string }, { replicaSetName: string }>("replicaset-name"))(
    "$name",
    ({ in: given, expect: want }) => {
      expect(replicaSetName(given.deployment, given.hash)).toBe(want.replicaSetName);
    },
  );
});

describe("revisions", () => {
  const revision = "deployment.kubernetes.io/revision";
  const history = "deployment.kubernetes.io/revision-history";

  it("are numbered one above the highest old one", () => {
    expect(nextRevision([])).toBe(1);
    expect(nextRevision([replicaSet("a", { revision: 3 }), replicaSet("b", { revision: 7 })])).toBe(8);
  });

  it("get a new number when they become current again, and remember the old one", () => {
    const again = currentAnnotations(deployment(), replicaSet("a", { revision: 1 }), 4);
    expect(again).toEqual({ [revision]: "4", [history]: "1" });
    const twice = currentAnnotations(
      deployment(),
      replicaSet("a", { revision: 4, annotations: { [history]: "1" } }),
      6,
    );
    expect(twice).toEqual({ [revision]: "6", [history]: "1,4" });
  });

  it("keep their number when it is high enough", () => {
    expect(currentAnnotations(deployment(), replicaSet("a", { revision: 5 }), 4)).toEqual({ [revision]: "5" });
  });

  it("carry the Deployment's annotations but its bookkeeping, and of trueup's only where they come from", () => {
    const from = deployment(
      {},
      {
        annotations: {
          "kubernetes.io/change-cause": "faster",
          "kubectl.kubernetes.io/last-applied-configuration": "{}",
          "deployment.kubernetes.io/revision": "9",
          "deployment.kubernetes.io/revision-history": "1",
          "deployment.kubernetes.io/desired-replicas": "9",
          "deployment.kubernetes.io/max-replicas": "9",
          "deprecated.deployment.rollback.to": "1",
          "trueup/commit": "4711",
          "trueup/source": "web.yaml:1",
          "trueup/anything-else": "stays",
        },
      },
    );
    expect(currentAnnotations(from, replicaSet("a", { revision: 2 }), 2)).toEqual({
      [revision]: "2",
      "kubernetes.io/change-cause": "faster",
      "trueup/commit": "4711",
      "trueup/source": "web.yaml:1",
    });
  });

  it("drop the oldest numbers when their list gets longer than 2000 characters", () => {
    fc.assert(
      fc.property(fc.array(fc.integer({ min: 1, max: 2 ** 31 - 1 }), { minLength: 1, maxLength: 600 }), (numbers) => {
        let list: string | undefined;
        for (const number of numbers) list = appendRevisionHistory(list, String(number));
        const kept = (list ?? "").split(",").map(Number);
        expect((list ?? "").length).toBeLessThanOrEqual(2000);
        expect(kept).toEqual(numbers.slice(numbers.length - kept.length));
        const longer = numbers.slice(numbers.length - kept.length - 1).join(",");
        if (kept.length < numbers.length) expect(longer.length).toBeGreaterThan(2000);
      }),
      { numRuns: 50 },
    );
  });

  it("start as a ReplicaSet that is named, labelled and selected by the template's hash", () => {
    const made = newReplicaSet(deployment({ replicas: 3, minReadySeconds: 5, strategy: rolling("25%", "25%") }), 2, 1);
    const hash = templateHash(template());
    expect(made).toEqual({
      apiVersion: "apps/v1",
      kind: "ReplicaSet",
      metadata: {
        name: `web-${hash}`,
        namespace: "default",
        labels: { app: "web", "pod-template-hash": hash },
        annotations: {
          [revision]: "2",
          "deployment.kubernetes.io/desired-replicas": "3",
          "deployment.kubernetes.io/max-replicas": "4",
        },
        ownerReferences: [
          {
            apiVersion: "apps/v1",
            kind: "Deployment",
            name: "web",
            uid: "web-uid",
            controller: true,
            blockOwnerDeletion: true,
          },
        ],
      },
      spec: {
        replicas: 1,
        minReadySeconds: 5,
        selector: { matchLabels: { app: "web", "pod-template-hash": hash } },
        template: {
          metadata: { labels: { app: "web", "pod-template-hash": hash } },
          spec: { containers: [{ name: "web", image: "web:v1" }] },
        },
      },
    });
  });

  it("take a Deployment's annotations along on undo, as kubectl's undo patch does", () => {
    const fixture = resolve(import.meta.dirname, "../fixtures/kubectl/undo-patch.json");
    const { annotationsKeptFromDeployment: kept } = JSON.parse(readFileSync(fixture, "utf8")) as {
      annotationsKeptFromDeployment: string[];
    };
    const own = Object.fromEntries(kept.map((key) => [key, "own"]));
    const theirs = Object.fromEntries(kept.map((key) => [key, "theirs"]));
    const from = deployment({}, { annotations: { ...own, "kubernetes.io/change-cause": "now", gone: "yes" } });
    const to = replicaSet("a", { annotations: { ...theirs, "kubernetes.io/change-cause": "then" } });
    expect(annotationsOfRevision(from, to)).toEqual({ ...own, "kubernetes.io/change-cause": "then" });
  });

  it("have a previous one when there are two", () => {
    expect(previousRevision([])).toBe(0);
    expect(previousRevision([replicaSet("a", { revision: 3 })])).toBe(0);
    expect(
      previousRevision([
        replicaSet("a", { revision: 1 }),
        replicaSet("b", { revision: 4 }),
        replicaSet("c", { revision: 3 }),
      ]),
    ).toBe(3);
  });
});
