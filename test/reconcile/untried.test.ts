/** What cannot be asked about before other changes of a plan are made. */
import { expect, it } from "vitest";
import { displayId, type KubeObject } from "../../src/model/object.ts";
import { asCommitId } from "../../src/model/source.ts";
import { planApp } from "../../src/plan/plan.ts";
import { untried } from "../../src/reconcile/homes.ts";
import { declaredOf, plain } from "../plan/declared.ts";

const pod = (name: string, serviceAccountName?: string): KubeObject =>
  plain("Pod", name, { spec: { serviceAccountName } });

it.each<[string, KubeObject[], string[]]>([
  ["nothing", [plain("ConfigMap", "c"), pod("a")], []],
  [
    "a Pod of an account that comes with it",
    [plain("ServiceAccount", "mine"), pod("a", "mine"), pod("b", "other")],
    ["pod/a"],
  ],
  [
    "a Pod that names none, where the default one comes with it",
    [plain("ServiceAccount", "default"), pod("a")],
    ["pod/a"],
  ],
  [
    "no other kind than a Pod",
    [plain("ServiceAccount", "mine"), plain("Job", "j", { spec: { serviceAccountName: "mine" } })],
    [],
  ],
])("is %s", (_, objects, expected) => {
  const declared = objects.map((object) => declaredOf(object));
  const { changes } = planApp({ app: "shop", commit: asCommitId("1".repeat(40)), declared, observed: [] });
  expect(untried(changes).map(({ id }) => displayId(id))).toEqual(expected);
});
