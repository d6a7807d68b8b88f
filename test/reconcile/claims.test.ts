/** Claims: who declares an object, who gives it up, and what is said of one that two want. */
import { describe, expect, it } from "vitest";
import { idOf, type KubeObject, keyOfId, type ObjectKey } from "../../src/model/object.ts";
import {
  type Claim,
  type Claims,
  declaredTwice,
  NO_CLAIMS,
  notTakenOver,
  RepositoryClaims,
} from "../../src/reconcile/claims.ts";
import { configMap, declaredOf } from "../plan/declared.ts";

const key = (object: KubeObject): ObjectKey => keyOfId(declaredOf(object).id);
const claim = (app: string, names: string[], isPartial = false): Claim => ({
  app,
  declared: names.map((name) => declaredOf(configMap(name), `${app}/${name}.yaml`)),
  isPartial,
  isOwn: true,
});
/** As an app sees them that declares some of it, too. */
const claimsOf = (others: readonly Claim[], isNamed: (app: string) => boolean): Claims =>
  new RepositoryClaims([claim("one", ["a", "b"]), ...others], isNamed).besides("one");
const CLAIMS = claimsOf([claim("two", ["b", "x"]), claim("torn", ["t", "x"], true)], (app) => app !== "gone");

describe("an object", () => {
  const rows: { name: string; of: string | undefined; two: boolean; torn: boolean; gone: boolean; unknown: boolean }[] =
    [
      { name: "a", of: undefined, two: true, torn: false, gone: true, unknown: false },
      { name: "b", of: "two", two: false, torn: false, gone: true, unknown: false },
      { name: "t", of: "torn", two: true, torn: false, gone: true, unknown: false },
      { name: "x", of: "two", two: false, torn: false, gone: true, unknown: false },
    ];
  it.each(rows)("$name", ({ name, of, two, torn, gone, unknown }) => {
    const at = key(configMap(name));
    expect(CLAIMS.of(at)?.app).toBe(of);
    // An app whose manifests are not all read, or that is not read at all though it is named, gives nothing up.
    expect(["two", "torn", "gone", "unknown"].map((app) => CLAIMS.givesUp(app, at))).toEqual([
      two,
      torn,
      gone,
      unknown,
    ]);
    expect(NO_CLAIMS.of(at)).toBeUndefined();
    expect(NO_CLAIMS.givesUp("gone", at)).toBe(false);
  });

  it("that lives in no namespace is who declares it in one's, where nothing in git tells: it is handed over, not deleted", () => {
    const site = { apiVersion: "k8s.example/v1", kind: "Site", metadata: { name: "s" } };
    const live = keyOfId({ ...idOf(site), namespace: "" });
    const claims = claimsOf([{ app: "two", declared: [declaredOf(site)], isPartial: false, isOwn: true }], () => true);
    expect([claims.of(live)?.app, claims.givesUp("two", live)]).toEqual(["two", false]);
    // Of a kind that Kubernetes brings, the scope is known.
    const map = keyOfId({ ...idOf(configMap("x")), namespace: "" });
    expect(CLAIMS.of(map)).toBeUndefined();
  });

  it("may be in the app that cannot be read", () => {
    expect(CLAIMS.unreadable).toEqual(["torn"]);
  });
});

describe("what an app declares", () => {
  const own = ["a", "b"].map((name) => declaredOf(configMap(name), `one/${name}.yaml`));

  it("is an error where another does, too", () => {
    expect(declaredTwice(own, CLAIMS)).toEqual([
      {
        severity: "error",
        rule: "object-declared-by-two-apps",
        message: "Cannot apply configmap/b as one app only may declare it: app two does, too (two/b.yaml:1)",
        location: { file: "one/b.yaml", line: 1, column: 1 },
        object: idOf(configMap("b")),
        hint: "Remove it from one of the two.",
      },
    ]);
    expect(declaredTwice(own, NO_CLAIMS)).toEqual([]);
    // Both read the file: then there is nothing to remove.
    const nested = [declaredOf(configMap("b"), "two/b.yaml")];
    expect(declaredTwice(nested, CLAIMS).map(({ hint }) => hint)).toEqual([
      "The directory of one app lies in the other's: give each one of its own in trueup.yaml.",
    ]);
  });

  it("at an older commit is without what another has by now, and the same array when that is nothing", () => {
    expect(notTakenOver(own, CLAIMS)).toEqual([own[0]]);
    expect(notTakenOver(own, NO_CLAIMS)).toBe(own);
    expect(
      notTakenOver(
        own,
        claimsOf([claim("two", ["z"])], () => true),
      ),
    ).toBe(own);
  });
});
