/** Objects of custom kinds that nothing in git defines: where they live, as the backend says, and what two apps then both want. */
import { describe, expect, it } from "vitest";
import type { Declared } from "../../src/model/manifest.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { declaredTwice, RepositoryClaims } from "../../src/reconcile/claims.ts";
import { inScopeOfBackend, sameInScope } from "../../src/reconcile/scopes.ts";
import { configMap, declaredOf } from "../plan/declared.ts";

const { signal } = new AbortController();

const site = (name: string, namespace?: string): KubeObject => ({
  apiVersion: "k8s.example/v1",
  kind: "Site",
  metadata: { name, ...(namespace !== undefined && { namespace }) },
});

/** A backend that serves these kinds so, and counts what it is asked. */
function backend(served: Record<string, boolean | null>) {
  const asked: string[] = [];
  const isNamespaced = async ({ kind }: { kind: string }): Promise<boolean | null> => {
    asked.push(kind);
    return served[kind] ?? null;
  };
  return { asked, served, isNamespaced };
}

const namespaces = (declared: readonly Declared[]): string[] => declared.map(({ id }) => id.namespace);

describe("the scope of a custom kind", () => {
  it.each<[what: string, served: boolean | null, namespaces: string[]]>([
    ["that lives in no namespace", false, ["", "default"]],
    ["that lives in namespaces", true, ["default", "default"]],
    ["that is not served", null, ["default", "default"]],
  ])("%s", async (_what, served, expected) => {
    const declared = [declaredOf(site("one")), declaredOf(configMap("c"))];
    const { isNamespaced, asked } = backend({ Site: served });
    const scoped = await inScopeOfBackend(declared, { isNamespaced }, signal);
    expect(namespaces(scoped)).toEqual(expected);
    expect(scoped === declared).toBe(served !== false);
    // Whoever remembers what was planned of them knows them again.
    expect(await inScopeOfBackend(declared, { isNamespaced }, signal)).toBe(scoped);
    expect(asked).toEqual(["Site", "Site"]);
  });

  it("is asked for anew each time, as the kind may be defined meanwhile", async () => {
    const declared = [declaredOf(site("one"))];
    const { isNamespaced, served } = backend({});
    expect(namespaces(await inScopeOfBackend(declared, { isNamespaced }, signal))).toEqual(["default"]);
    served.Site = false;
    expect(namespaces(await inScopeOfBackend(declared, { isNamespaced }, signal))).toEqual([""]);
  });

  it("is not asked for of Kubernetes' own kinds, nor of a backend that cannot tell", async () => {
    const declared = [declaredOf(configMap("c"))];
    const { isNamespaced, asked } = backend({});
    expect(await inScopeOfBackend(declared, { isNamespaced }, signal)).toBe(declared);
    expect(asked).toEqual([]);
    const custom = [declaredOf(site("one"))];
    expect(await inScopeOfBackend(custom, {}, signal)).toBe(custom);
  });
});

describe("an object in no namespace", () => {
  it("that git has in two of them is declared twice", async () => {
    const declared = [site("one", "a"), site("one", "b"), site("two", "b")].map((object, at) =>
      declaredOf(object, `${at}.yaml`),
    );
    const scoped = await inScopeOfBackend(declared, backend({ Site: false }), signal);
    const found = sameInScope(declared, scoped);
    expect(found.map(({ rule, message, location }) => [rule, message, location.file])).toEqual([
      [
        "duplicate-object",
        "Cannot apply site/one as it must be declared once: 0.yaml:1 declares it, too, and its kind lives in no namespace",
        "1.yaml",
      ],
    ]);
    expect(sameInScope(declared, declared)).toEqual([]);
  });

  it("that two apps have in two of them is declared by both", async () => {
    const mine = [declaredOf(site("one", "a"))];
    const theirs = [declaredOf(site("one", "b"), "theirs.yaml")];
    const claims = new RepositoryClaims(
      [
        { app: "mine", declared: mine, isPartial: false },
        { app: "theirs", declared: theirs, isPartial: false },
      ],
      () => true,
    ).besides("mine");
    expect(declaredTwice(mine, claims)).toEqual([]);
    const scoped = await inScopeOfBackend(mine, backend({ Site: false }), signal);
    expect(declaredTwice(scoped, claims).map(({ message }) => message)).toEqual([
      "Cannot apply site/one as one app only may declare it: app theirs does, too (theirs.yaml:1)",
    ]);
  });
});
