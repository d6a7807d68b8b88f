/** What is refused as something is missing: brought by another app of the commit, or by a controller, it is waited for. */
import { describe, expect, it } from "vitest";
import type { ApplyRequest, Backend } from "../../src/model/backend.ts";
import { TrueupError } from "../../src/model/errors.ts";
import type { Declared } from "../../src/model/manifest.ts";
import type { KubeObject } from "../../src/model/object.ts";
import { asCommitId, asObjectHash, type CommitInfo } from "../../src/model/source.ts";
import { planApp } from "../../src/plan/plan.ts";
import { RepositoryClaims } from "../../src/reconcile/claims.ts";
import { firstOf, tryPlan } from "../../src/reconcile/trial.ts";
import { configMap, declaredOf, plain } from "../plan/declared.ts";

const { signal } = new AbortController();
const COMMIT: CommitInfo = {
  ...{ id: asCommitId("1".repeat(40)), tree: asObjectHash("2".repeat(40)), parents: [], subject: "s" },
  ...{ authorName: "", authorEmail: "", authoredAt: "", committerName: "", committerEmail: "", committedAt: "" },
};
const DEFINITION: KubeObject = {
  apiVersion: "apiextensions.k8s.io/v1",
  kind: "CustomResourceDefinition",
  metadata: { name: "sites.k8s.example" },
  spec: { group: "k8s.example", names: { kind: "Site" } },
};
const BASE = [
  plain("Namespace", "web"),
  { ...plain("ServiceAccount", "robot"), metadata: { name: "robot", namespace: "web" } },
];

const inWeb = (object: KubeObject): KubeObject => ({ ...object, metadata: { ...object.metadata, namespace: "web" } });
const noNamespace = new TrueupError("not-found", 'Cannot apply configmap/c as it says "namespaces "web" not found".');
const noAccount = (name: string): TrueupError =>
  new TrueupError(
    "forbidden",
    `pods "p" is forbidden: error looking up service account web/${name}: serviceaccount "${name}" not found`,
  );
const unserved = new TrueupError(
  "invalid",
  "Cannot handle Site objects as the API server must serve the kind: it serves no k8s.example/Site.",
);
const other = new TrueupError("invalid", "Cannot apply configmap/c as a policy says no.");

interface Row {
  object: KubeObject;
  refusal: TrueupError;
  base?: KubeObject[];
  definitions?: KubeObject[];
  /** Why the whole is tried again; absent: it is refused for good. */
  awaited?: string;
}

async function tried(
  objects: KubeObject[],
  refuse: (request: ApplyRequest) => TrueupError | null,
  { base = BASE, definitions = [] }: Partial<Row>,
) {
  const declared = objects.map((object) => declaredOf(object));
  const claim = (app: string, all: readonly Declared[]) => ({ app, declared: all, isPartial: false });
  const theirs = base.map((object) => declaredOf(object, "base.yaml"));
  const claims = new RepositoryClaims([claim("shop", declared), claim("base", theirs)], () => true).besides("shop");
  const dryRun: Backend["dryRun"] = async (request) => {
    const refusal = refuse(request);
    if (refusal !== null) throw refusal;
    return { action: "create", object: request.desired };
  };
  const backend = { capabilities: { cheapDryRun: false }, dryRun } as unknown as Backend;
  const plan = planApp({ app: "shop", commit: COMMIT.id, declared, observed: [] });
  const neighbours = { claims, definitions: async () => definitions.map((object) => declaredOf(object, "crd.yaml")) };
  return tryPlan(plan, COMMIT, backend, new WeakMap(), new Map(), neighbours, signal);
}

const pod = (serviceAccountName?: string): KubeObject => inWeb(plain("Pod", "p", { spec: { serviceAccountName } }));
const site: KubeObject = { apiVersion: "k8s.example/v1", kind: "Site", metadata: { name: "s" } };

describe("a new object that is refused", () => {
  it.each<[string, Row]>([
    [
      "for want of a Namespace that another app makes",
      {
        object: inWeb(configMap("c")),
        refusal: noNamespace,
        awaited: "Cannot apply web/configmap/c yet as its Namespace must be there: app base makes it (base.yaml:1).",
      },
    ],
    ["for want of a Namespace that nobody makes", { object: inWeb(configMap("c")), refusal: noNamespace, base: [] }],
    [
      "for want of an account that another app makes",
      {
        object: pod("robot"),
        refusal: noAccount("robot"),
        awaited: "Cannot apply web/pod/p yet as its account robot must be there: app base makes it (base.yaml:1).",
      },
    ],
    ["for want of an account that nobody makes", { object: pod("nobody"), refusal: noAccount("nobody") }],
    [
      "as its kind is not served that another app defines",
      {
        object: site,
        refusal: unserved,
        definitions: [DEFINITION],
        awaited: "Cannot apply site/s yet as its kind must be served: crd.yaml:1 defines it.",
      },
    ],
    ["as its kind is not served that nobody defines", { object: site, refusal: unserved }],
    ["for anything else", { object: inWeb(configMap("c")), refusal: other }],
  ])("%s", async (_what, row) => {
    const { awaited, diagnostics } = await tried([row.object], () => row.refusal, row);
    expect([awaited?.code, awaited?.message]).toEqual(
      row.awaited === undefined ? [undefined, undefined] : ["unavailable", row.awaited],
    );
    expect(diagnostics).toHaveLength(1);
  });

  it("is refused for good when anything else is wrong besides", async () => {
    const objects = [inWeb(configMap("c")), configMap("d")];
    const refuse = ({ desired }: ApplyRequest) => (desired.metadata.name === "c" ? noNamespace : other);
    expect((await tried(objects, refuse, {})).awaited).toBeUndefined();
  });
});

describe("a Pod in a new Namespace", () => {
  const message =
    "Cannot apply web/pod/p as the account default of namespace web must be there: it is made a moment after the namespace.";

  it("that has no account yet is tried again, whoever asks", async () => {
    await expect(tried([pod()], () => noAccount("default"), {})).rejects.toMatchObject({
      code: "unavailable",
      message,
    });
    const declared = declaredOf(pod());
    const change = { action: "create" as const, id: declared.id, declared, fields: [], restartsPods: false };
    await expect(firstOf(change, () => Promise.reject(noAccount("default")))).rejects.toMatchObject({
      code: "unavailable",
      message,
    });
    await expect(firstOf(change, () => Promise.reject(noAccount("mine")))).rejects.toMatchObject({ code: "invalid" });
  });
});
