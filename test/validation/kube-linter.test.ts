/** Agreement with kube-linter's own test files, in which an object that is to pass is called dont-fire. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../src/manifest/parse.ts";
import { validateDeclared } from "../../src/validation/index.ts";
import type { PolicyId } from "../../src/validation/rules.ts";
import type { OwnRule, PolicySetting } from "../../src/validation/settings.ts";
import { BLOB } from "./declare.ts";

const CHECKS = join(import.meta.dirname, "../fixtures/validation/verdicts/kube-linter/tests/checks");

/** `Deployment/app: finds` of every object that a policy, or a rule, looks at. */
function verdicts(file: string, options: { policies?: PolicySetting[]; rules?: OwnRule[] }, rule: string): string[] {
  const text = readFileSync(join(CHECKS, file), "utf8");
  const { declared } = parseManifestFile({ file, blob: BLOB, text });
  // Its DeploymentConfigs repeat the Deployments beside them: they are OpenShift's, and no kind of Kubernetes'.
  const known = declared.filter(({ id }) => id.group !== "apps.openshift.io");
  return known.map((each) => {
    const finds = validateDeclared(each, options).some((found) => found.rule === rule);
    return `${each.id.kind}/${each.id.name}: ${finds ? "finds" : "passes"}`;
  });
}

interface Row {
  file: string;
  rule: PolicyId;
  parameters?: Omit<PolicySetting, "rule" | "level">;
  /** Where we say otherwise than the file's names, and why. */
  otherwise?: string;
  expect: string[];
}

const PASS_AND_FIND = ["Deployment/dont-fire: passes", "Deployment/app: finds"];
const PASS_AND_FIND_1 = ["Deployment/dont-fire: passes", "Deployment/app1: finds"];

const ROWS: Row[] = [
  {
    file: "no-liveness-probe.yml",
    rule: "no-liveness-probe",
    expect: [...PASS_AND_FIND_1, "Deployment/dont-fire: passes"],
  },
  {
    file: "no-readiness-probe.yml",
    rule: "no-readiness-probe",
    expect: [...PASS_AND_FIND_1, "Deployment/dont-fire: passes"],
  },
  { file: "unset-cpu-requirements.yml", rule: "unset-cpu-requirements", expect: ["Deployment/app1: finds"] },
  { file: "unset-memory-requirements.yml", rule: "unset-memory-requirements", expect: ["Deployment/app1: finds"] },
  {
    file: "run-as-non-root.yml",
    rule: "run-as-non-root",
    expect: [...PASS_AND_FIND_1, "Deployment/group-zero: finds"],
  },
  { file: "privilege-escalation-container.yml", rule: "privilege-escalation-container", expect: PASS_AND_FIND_1 },
  { file: "privileged-container.yml", rule: "privileged-container", expect: PASS_AND_FIND_1 },
  { file: "host-network.yml", rule: "host-network", expect: PASS_AND_FIND },
  { file: "host-pid.yml", rule: "host-pid", expect: PASS_AND_FIND },
  { file: "host-ipc.yml", rule: "host-ipc", expect: PASS_AND_FIND },
  { file: "sensitive-host-mounts.yml", rule: "host-path", expect: ["Deployment/app1: finds"] },
  { file: "writable-host-mount.yml", rule: "host-path", expect: ["Deployment/app1: finds"] },
  {
    file: "docker-sock.yml",
    rule: "host-path",
    otherwise:
      "the Pod Security Standards' baseline forbids every path of the host, and so does ours: not docker.sock alone",
    expect: ["Deployment/dont-fire: finds", "Deployment/app: finds"],
  },
  { file: "no-read-only-root-fs.yml", rule: "no-read-only-root-fs", expect: PASS_AND_FIND_1 },
  {
    file: "drop-net-raw-capability.yml",
    rule: "drop-capabilities",
    parameters: { capabilities: ["NET_RAW"] },
    otherwise: "its dont-fire drops nothing, and runtimes give NET_RAW to who does not drop it",
    expect: ["Deployment/dont-fire: finds", "Deployment/app: finds"],
  },
  { file: "default-service-account.yml", rule: "default-service-account", expect: PASS_AND_FIND },
  {
    file: "required-label-owner.yml",
    rule: "required-labels",
    parameters: { labels: ["owner"] },
    expect: PASS_AND_FIND_1,
  },
  { file: "minimum-three-replicas.yml", rule: "minimum-replicas", expect: PASS_AND_FIND },
];

describe("kube-linter's test files", () => {
  it.each(ROWS.map((row) => [row.file, row.rule, row] as const))("%s under %s", (file, rule, row) => {
    const policies: PolicySetting[] = [{ rule, level: "error", ...row.parameters }];
    const found = verdicts(file, { policies }, rule);
    expect(found).toEqual(row.expect);
    const byName = found.map((line) => line.replace(/: .*/, (_) => (/dont-fire/.test(line) ? ": passes" : ": finds")));
    expect([found.join() === byName.join(), row.otherwise]).toEqual([row.otherwise === undefined, row.otherwise]);
  });

  it("cel.yml under rules in CEL", () => {
    const annotation = (key: string): string =>
      `has(object.metadata.annotations) && "${key}" in object.metadata.annotations`;
    const rules: OwnRule[] = [
      {
        id: "no-baz",
        kinds: ["Deployment"],
        expression: `!(${annotation("foo.bar/baz")} && object.metadata.annotations["foo.bar/baz"] == "true")`,
        level: "error",
      },
      {
        id: "role-arn",
        kinds: ["ServiceAccount"],
        expression: `object.metadata.annotations["eks.amazonaws.com/role-arn"].matches("^arn:aws:iam::[0-9]{12}:role/.+$")`,
        level: "error",
      },
    ];
    expect(verdicts("cel.yml", { rules }, "no-baz").slice(0, 3)).toEqual([
      "Deployment/fire: finds",
      "Deployment/dont-fire: passes",
      "Deployment/dont-fire: passes",
    ]);
    // The file has no --- behind its good-irsa-role, whose keys the Service after it repeats: as the last ones they count.
    const roles = verdicts("cel.yml", { rules }, "role-arn").slice(3, 5);
    expect(roles).toEqual(["ServiceAccount/bad-irsa-role: finds", "Service/dont-fire: passes"]);
  });
});
