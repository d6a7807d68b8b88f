/** The two configurations: values, defaults, and every fault with its place. */
import { describe, expect, it } from "vitest";
import { DEFAULT_LIMITS } from "../../src/validation/config.ts";
import { NO_FLOOR, parseOperatorConfig, parseRepositoryConfig } from "../../src/validation/index.ts";
import { lines } from "./declare.ts";

const repository = (text: string) => parseRepositoryConfig(text, "trueup.yaml");
const operator = (text: string) => parseOperatorConfig(text, "trueup.config.yaml");
const COMMIT = "0123456789abcdef0123456789abcdef01234567";

describe("parseRepositoryConfig", () => {
  it("fills in what is not given", () => {
    expect(
      repository("apps:\n- name: web\n- name: shop\n  path: ./apps/shop/\n  namespace: shop\n  after: [web]\n"),
    ).toEqual({
      config: {
        apps: [
          { name: "web", path: "", namespace: "default", after: [], onFailure: "keep", ignore: [] },
          { name: "shop", path: "apps/shop", namespace: "shop", after: ["web"], onFailure: "keep", ignore: [] },
        ],
        schemas: [],
        allowUnknownKinds: false,
        images: { allowedRepositories: [], requireDigest: false },
        validation: { policies: [], rules: [], levels: {}, exceptions: [] },
      },
      diagnostics: [],
      locate: expect.any(Function),
    });
  });

  it("reads what is left to others, and says which paths are none", () => {
    const { config } = repository(
      "apps:\n- name: a\n  ignore:\n  - {kind: Deployment, name: web-*, fields: [spec.replicas]}\n  - fields: ['data[\"a.b\"]']\n",
    );
    expect(config?.apps[0]?.ignore).toEqual([
      {
        kind: "Deployment",
        name: "web-*",
        fields: [{ text: "spec.replicas", steps: [{ key: "spec" }, { key: "replicas" }] }],
      },
      { kind: "*", name: "*", fields: [{ text: 'data["a.b"]', steps: [{ key: "data" }, { key: "a.b" }] }] },
    ]);
    const wrong = repository(
      "apps:\n- name: a\n  ignore:\n  - fields: [/spec/replicas]\n  - fields: [metadata.name]\n",
    );
    expect(lines(wrong.diagnostics)).toEqual([
      '4:14 error config-invalid: Cannot ignore "/spec/replicas" as it must be the path of a field that others may set: it is no path (Write it as plans show it, such as spec.replicas.)',
      '5:14 error config-invalid: Cannot ignore "metadata.name" as it must be the path of a field that others may set: it is what names the object (Write it as plans show it, such as spec.replicas.)',
    ]);
  });

  it("reads what is done on failure", () => {
    const { config } = repository("apps:\n- {name: a, onFailure: rollback}\n- {name: b, onFailure: keep}\n");
    expect(config?.apps.map(({ onFailure }) => onFailure)).toEqual(["rollback", "keep"]);
  });

  it("reports another word for what is done on failure at its place", () => {
    const { config, diagnostics } = repository("apps:\n- name: a\n  onFailure: rollBack\n");
    expect(config).toBeUndefined();
    expect(lines(diagnostics)).toEqual([
      expect.stringMatching(/^3:14 error config-invalid: .*onFailure.*keep.*rollback/),
    ]);
  });

  it("reads image rules", () => {
    const { config } = repository(
      "apps: [{name: a}]\nimages: {allowedRepositories: [registry/**], requireDigest: true}\n",
    );
    expect(config?.images).toEqual({ allowedRepositories: ["registry/**"], requireDigest: true });
  });

  it.each([
    ["", ["1:1 error config-invalid: Cannot use trueup.yaml as apps must be given: it is missing"]],
    [
      "apps: [\n",
      [
        "2:1 error yaml-syntax: Cannot read the document as it must be well-formed YAML: deficient indentation (Indent each line of a quoted text or a bracket, the closing one too, further than its key.)",
      ],
    ],
    ["apps: []\n", ["1:7 error config-invalid: Cannot use apps as it must have at least one item: it is empty"]],
    ["apps: web\n", ['1:7 error config-invalid: Cannot read apps as it must be a list: it is "web"']],
    [
      "apps:\n- name: Web\n",
      [
        '2:9 error config-invalid: Cannot use apps[0].name as it must have the right form: it is "Web" (Use lower-case letters, digits and dashes, such as web-shop.)',
      ],
    ],
    [
      "apps:\n- name: web\n  dir: x\n",
      ["3:3 error config-invalid: Cannot read apps[0].dir as there is no such setting"],
    ],
    [
      "apps:\n- {name: a, path: ../x}\n- {name: b, path: /etc}\n- {name: c, path: a//b}\n",
      [
        '2:19 error config-invalid: Cannot use apps[0].path as it must be a directory inside the repository: it is "../x" (Write it from the repository\'s root, such as apps/web.)',
        '3:19 error config-invalid: Cannot use apps[1].path as it must be a directory inside the repository: it is "/etc" (Write it from the repository\'s root, such as apps/web.)',
        '4:19 error config-invalid: Cannot use apps[2].path as it must be a directory inside the repository: it is "a//b" (Write it from the repository\'s root, such as apps/web.)',
      ],
    ],
    [
      "apps:\n- name: a\n- name: a\n",
      [
        "3:9 error config-invalid: Cannot name an app a as names must be unique: another app has it too (Rename one of the two.)",
      ],
    ],
    [
      "apps:\n- {name: a, after: [b]}\n",
      ["2:21 error config-invalid: Cannot deploy a after b as it must be an app of this file: there is none"],
    ],
    [
      "apps:\n- {name: a, after: [b]}\n- {name: b, after: [a]}\n",
      [
        "2:20 error config-invalid: Cannot order the apps as none may wait for itself: a waits for b waits for a",
        "3:20 error config-invalid: Cannot order the apps as none may wait for itself: b waits for a waits for b",
      ],
    ],
    [
      "apps: [{name: a}]\n---\napps: []\n",
      ["3:1 error config-invalid: Cannot read the file as it must hold one document: it holds another here"],
    ],
  ])("reports %j", (text, expected) => {
    const { config, diagnostics } = repository(text);
    expect(lines(diagnostics)).toEqual(expected);
    expect(config).toBeUndefined();
  });
});

describe("parseOperatorConfig", () => {
  it("fills in what is not given", () => {
    expect(operator("repositories:\n- path: .\n")).toEqual({
      config: {
        repositories: [{ path: "." }],
        targets: [],
        images: { paths: [] },
        trust: {},
        limits: DEFAULT_LIMITS,
        ledger: {},
        schemas: [],
        floor: { validation: NO_FLOOR },
      },
      diagnostics: [],
      locate: expect.any(Function),
    });
  });

  it("reads every setting", () => {
    const text = `repositories:
- {path: /srv/a, ref: refs/heads/main, apps: [web], target: stage}
- {path: b, commit: "${COMMIT}", target: prod}
targets:
- {name: stage, kind: kubernetes, kubeconfig: kube, context: "arn:aws:eks:eu-1:1:cluster/stage", namespace: ops, namespaces: [shop], ledger: cluster, owner: us}
- {name: prod, kind: kubernetes, inCluster: true}
- {name: here}
images: {paths: [/srv/images]}
trust: {refs: [refs/heads/*]}
state: /var/lib/trueup
limits: {deletions: 0, manifestBytes: 2048, manifests: 5}
ledger: {keepAttempts: 100, keepDays: 365}
kubernetesVersion: 1.36
schemas: [crds]
allowUnknownKinds: [example.org/*]
validation: {policies: {host-network: warning}, noExceptions: [host-*]}
`;
    expect(operator(text)).toEqual({
      config: {
        repositories: [
          { path: "/srv/a", ref: "refs/heads/main", apps: ["web"], target: "stage" },
          { path: "b", commit: COMMIT, target: "prod" },
        ],
        targets: [
          {
            kind: "kubernetes",
            name: "stage",
            kubeconfig: "kube",
            context: "arn:aws:eks:eu-1:1:cluster/stage",
            inCluster: false,
            ledger: "cluster",
            namespace: "ops",
            namespaces: ["shop"],
            owner: "us",
          },
          { kind: "kubernetes", name: "prod", inCluster: true, ledger: "local" },
          { kind: "embedded", name: "here" },
        ],
        images: { paths: ["/srv/images"] },
        trust: { refs: ["refs/heads/*"] },
        state: "/var/lib/trueup",
        limits: { deletions: 0, manifestBytes: 2048, manifests: 5 },
        ledger: { keepAttempts: 100, keepDays: 365 },
        schemas: ["crds"],
        floor: {
          kubernetesVersion: "1.36",
          allowUnknownKinds: ["example.org/*"],
          validation: {
            ...NO_FLOOR,
            policies: [{ rule: "host-network", level: "warning" }],
            noExceptions: ["host-*"],
          },
        },
      },
      diagnostics: [],
      locate: expect.any(Function),
    });
  });

  it.each([
    [
      "repositories: [{path: a}]\nledger: {keepAttempts: 0, keepDays: 1.5, keep: all}\n",
      [
        "2:42 error config-invalid: Cannot read ledger.keep as there is no such setting",
        "2:24 error config-invalid: Cannot use ledger.keepAttempts as it must be at least 1: it is 0",
        "2:37 error config-invalid: Cannot read ledger.keepDays as it must be an integer: it is 1.5",
      ],
    ],
    [
      `repositories:\n- {path: a, ref: main, commit: "${COMMIT}"}\n`,
      [
        "2:32 error config-invalid: Cannot follow a ref and stay at a commit as only one of ref and commit may be given (Remove one of the two.)",
      ],
    ],
    [
      "repositories:\n- {path: a, ref: --upload-pack=x}\n",
      [
        '2:18 error config-invalid: Cannot use repositories[0].ref as it must have the right form: it is "--upload-pack=x" (Name a branch, such as main, or a full ref, such as refs/heads/main.)',
      ],
    ],
    [
      "repositories:\n- {path: a, commit: 012}\n",
      ["2:21 error config-invalid: Cannot read repositories[0].commit as it must be text: it is 10"],
    ],
    [
      "repositories: [{path: a}]\nlimits: {deletions: -1, manifestBytes: 99999999}\n",
      [
        "2:21 error config-invalid: Cannot use limits.deletions as it must be at least 0: it is -1",
        "2:40 error config-invalid: Cannot use limits.manifestBytes as it must be at most 8388608: it is 99999999",
      ],
    ],
    [
      "repositories: [{path: a}, {path: a}]\n",
      ["1:34 error config-invalid: Cannot follow a repository twice at the same ref (Name all its apps in one entry.)"],
    ],
  ])("reports %j", (text, expected) => {
    const { config, diagnostics } = operator(text);
    expect(lines(diagnostics)).toEqual(expected);
    expect(config).toBeUndefined();
  });

  it.each([
    ["targets: []", ["2:10 error config-invalid: Cannot use targets as it must have at least one item: it is empty"]],
    [
      "targets: [{name: a}, {name: a}]",
      [/^2:29 .*Cannot name a target a as names must be unique/, /^1:16 .*choose a target/],
    ],
    ["targets: [{kind: embedded}]", [/^2:11 .*as name must be given: it is missing/]],
    ["targets: [{name: a, kind: cluster}]", [/^2:27 .*must be embedded or kubernetes: it is "cluster"/]],
    [
      "targets: [{name: a, context: c}]",
      [/^2:21 .*Cannot use targets\[0\]\.context as kind must be kubernetes: it is embedded/],
    ],
    [
      "targets: [{name: a, kind: kubernetes, inCluster: true, kubeconfig: k}]",
      [/^2:56 .*Cannot use targets\[0\]\.kubeconfig as inCluster must not be true beside it/],
    ],
    ["targets: [{name: a, kind: kubernetes, namespace: A_b}]", [/^2:50 .*Cannot use targets\[0\]\.namespace/]],
    ["targets: [{name: a, kind: kubernetes, server: x}]", [/^2:39 .*no such setting/]],
    ["targets: [{name: a}, {name: b}]", [/^1:16 .*as target must be given where there are several: a, b/]],
  ])("reports what is wrong with %s at its place", (text, expected) => {
    const { config, diagnostics } = operator(`repositories: [{path: a}]\n${text}\n`);
    expect(config).toBeUndefined();
    expect(lines(diagnostics)).toEqual(
      expected.map((each) => (typeof each === "string" ? each : expect.stringMatching(each))),
    );
  });

  it.each([
    ["", "there is none"],
    ["targets: [{name: a}, {name: b}]", "there are a, b"],
  ])("knows no target that is not among them: %s", (text, known) => {
    const { diagnostics } = operator(`repositories: [{path: a, target: c}]\n${text}\n`);
    expect(lines(diagnostics)).toEqual([
      `1:34 error config-invalid: Cannot use target "c" as it must be one of targets: ${known}`,
    ]);
  });
});
