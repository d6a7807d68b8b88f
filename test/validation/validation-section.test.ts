/** The `validation` sections: what they mean, every fault with its place, and that a repository can only ask for more. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../src/model/diagnostic.ts";
import {
  judge,
  NO_OPERATOR,
  type OperatorFloor,
  parseOperatorConfig,
  parseRepositoryConfig,
  RULES,
  type ValidationSettings,
  validateDeclared,
} from "../../src/validation/index.ts";
import { natureOf, POLICY_IDS } from "../../src/validation/rules.ts";
import { declare, lines } from "./declare.ts";

function floorOf(text: string): OperatorFloor {
  const { config, diagnostics } = parseOperatorConfig(`repositories: [{path: a}]\n${text}`, "trueup.config.yaml");
  if (config === undefined) throw new Error(lines(diagnostics).join("\n"));
  return config.floor;
}

const repository = (text: string, floor = NO_OPERATOR) =>
  parseRepositoryConfig(`apps: [{name: a}]\n${text}`, "trueup.yaml", floor);

describe("validation", () => {
  it("reads every setting", () => {
    const { config, diagnostics } = repository(`validation:
  policies:
    no-liveness-probe: warning
    no-readiness-probe: true
    host-pid: off
    host-ipc: "off"
    minimum-replicas: {level: warning, replicas: 2}
    required-labels: {labels: [owner], kinds: ["*"]}
  levels: {yaml-boolean: error, env-duplicate: off}
  rules:
  - id: few
    expression: object.spec.replicas < 10
    kinds: [Deployment]
    message: too many
    messageExpression: "'no ' + object.kind"
    field: .spec.replicas
    level: warning
    hint: Use fewer.
  - {id: any, expression: "true"}
  exceptions:
  - {rule: few, kind: apps/Deployment, namespace: shop-*, name: "*", reason: "moves  soon", until: 2027-02-28}
`);
    expect(diagnostics).toEqual([]);
    expect(config?.validation).toEqual({
      policies: [
        { rule: "no-liveness-probe", level: "warning" },
        { rule: "no-readiness-probe", level: "error" },
        { rule: "minimum-replicas", level: "warning", replicas: 2 },
        { rule: "required-labels", level: "error", labels: ["owner"], kinds: ["*"] },
      ],
      levels: { "yaml-boolean": "error", "env-duplicate": "off" },
      rules: [
        {
          id: "few",
          expression: "object.spec.replicas < 10",
          kinds: ["Deployment"],
          message: "too many",
          messageExpression: "'no ' + object.kind",
          field: ".spec.replicas",
          level: "warning",
          hint: "Use fewer.",
        },
        { id: "any", expression: "true", level: "error" },
      ],
      exceptions: [
        {
          rule: "few",
          kind: "apps/Deployment",
          namespace: "shop-*",
          name: "*",
          reason: "moves soon",
          until: "2027-02-28",
          location: expect.objectContaining({ file: "trueup.yaml", line: 22, column: 5 }),
        },
      ],
    } satisfies ValidationSettings);
  });

  it("takes what the README shows, in both files", () => {
    const readme = readFileSync(join(import.meta.dirname, "../../README.md"), "utf8");
    const [, shown = ""] = /^```yaml\n(validation:\n[\s\S]*?)^```$/m.exec(readme) ?? [];
    expect(repository(shown)).toMatchObject({ config: { validation: { policies: { length: 3 } } }, diagnostics: [] });
    expect(floorOf(shown).validation.rules).toHaveLength(1);
  });

  it("joins what the operator asks with what the repository adds", () => {
    const floor = floorOf(
      'validation: {policies: {image-registry: {level: warning, allowed: ["a/*"]}}, levels: {yaml-tab: warning, image-tag-latest: warning}, rules: [{id: x, level: warning, expression: "true"}]}',
    );
    const { config, diagnostics } = repository(
      "validation: {policies: {image-registry: {allowed: [b]}}, levels: {yaml-tab: error, x: error}}",
      floor,
    );
    expect(diagnostics).toEqual([]);
    expect(config?.validation).toEqual({
      policies: [
        { rule: "image-registry", level: "warning", allowed: ["a/*"] },
        { rule: "image-registry", level: "error", allowed: ["b"] },
      ],
      levels: { "yaml-tab": "error", "image-tag-latest": "warning", x: "error" },
      rules: [{ id: "x", level: "warning", expression: "true" }],
      exceptions: [],
    });
  });
});

const LEVEL = "it must be error, warning or off";
const NOT_LESS = "as a repository may only ask for more than its operator: that is";
const ELSE = " (Remove it here, make an exception for an object, or change the operator's trueup.config.yaml.)";
const WHEN = "reason: r, until: 2027-01-01";

describe("a repository's section", () => {
  const rows: [name: string, text: string, expected: string[]][] = [
    [
      "a misspelt part",
      "validation: {polices: {}}",
      [
        "2:14 error config-invalid: Cannot read validation.polices as there is no such setting (Did you mean policies?)",
      ],
    ],
    [
      "a misspelt policy",
      "validation:\n  policies:\n    host-networks: error",
      [
        "4:5 error config-invalid: Cannot read validation.policies.host-networks as there is no such setting (Did you mean host-network?)",
      ],
    ],
    [
      "a misspelt setting of a policy",
      "validation:\n  policies:\n    minimum-replicas: {replica: 2}",
      [
        "4:24 error config-invalid: Cannot read validation.policies.minimum-replicas.replica as there is no such setting (Did you mean replicas?)",
      ],
    ],
    [
      "a misspelt setting of a policy that has none",
      "validation:\n  policies:\n    host-pid: {levle: error}",
      [
        "4:16 error config-invalid: Cannot read validation.policies.host-pid.levle as there is no such setting (Did you mean level?)",
      ],
    ],
    [
      "another level",
      "validation:\n  policies:\n    host-pid: info\n    host-ipc: {level: fatal}",
      [
        `4:15 error config-invalid: Cannot use validation.policies.host-pid as ${LEVEL}: it is "info"`,
        `5:23 error config-invalid: Cannot use validation.policies.host-ipc.level as ${LEVEL}: it is "fatal"`,
      ],
    ],
    [
      "an empty level",
      "validation:\n  policies:\n    host-pid:\n  levels: {yaml-tab: ~}",
      [
        `4:5 error config-invalid: Cannot use validation.policies.host-pid as ${LEVEL}: it is empty`,
        `5:22 error config-invalid: Cannot use validation.levels.yaml-tab as ${LEVEL}: it is empty`,
      ],
    ],
    [
      "a policy without what it needs",
      "validation:\n  policies:\n    image-registry: error\n    required-labels: {level: error}",
      [
        "4:21 error config-invalid: Cannot use validation.policies.image-registry as allowed must be given: it is missing (For example: image-registry: { allowed: [shop/*] })",
        "5:22 error config-invalid: Cannot use validation.policies.required-labels as labels must be given: it is missing (For example: required-labels: { labels: [owner] })",
      ],
    ],
    [
      "the level of an error of the API server's",
      "validation: {levels: {schema-type: warning, unknown-field: off, port-range: error}}",
      [
        "2:36 error config-invalid: Cannot set the level of schema-type to warning as what breaks it cannot be applied: it is an error, always",
        "2:60 error config-invalid: Cannot set the level of unknown-field to off as what breaks it cannot be applied: it is an error, always",
      ],
    ],
    [
      "the level of an error that the operator may lower",
      "validation: {levels: {image-tag-latest: off}}",
      [`2:41 error config-invalid: Cannot set validation.levels.image-tag-latest to off ${NOT_LESS} error${ELSE}`],
    ],
    [
      "the level of a policy",
      "validation: {levels: {host-pid: off}}",
      [
        "2:23 error config-invalid: Cannot set the level of host-pid here as it is a policy (Set it under validation.policies.)",
      ],
    ],
    [
      "the level of no rule",
      "validation: {levels: {yaml-tabs: off}}",
      [
        '2:23 error config-invalid: Cannot use validation.levels.yaml-tabs as "yaml-tabs" must be a rule: there is none (Did you mean yaml-tab?)',
      ],
    ],
    [
      "rules that only an operator could have",
      `validation:\n  levels: {theirs-alone: error}\n  exceptions:\n  - {rule: theirs-alone, kind: Pod, name: a, ${WHEN}}`,
      [
        '3:12 warning config-invalid: There is no rule "theirs-alone" here: only the operator\'s configuration could have it (`trueup explain` lists the rules.)',
        '5:12 warning config-invalid: There is no rule "theirs-alone" here: only the operator\'s configuration could have it (`trueup explain` lists the rules.)',
      ],
    ],
    [
      "the level of a rule of its own",
      'validation: {levels: {x: off}, rules: [{id: x, expression: "true"}]}',
      ["2:23 error config-invalid: Cannot set the level of x here as the rule stands in this file (Set it there.)"],
    ],
    [
      "a rule without expression",
      "validation:\n  rules:\n  - {id: X}",
      [
        "4:5 error config-invalid: Cannot use validation.rules[0] as expression must be given: it is missing",
        '4:10 error config-invalid: Cannot use validation.rules[0].id as it must have the right form: it is "X" (Use lower-case letters, digits and dashes, such as owner-label.)',
      ],
    ],
    [
      "an expression that is none",
      "validation:\n  rules:\n  - id: x\n    expression: object.spec.(",
      [
        "5:17 error config-invalid: Cannot use validation.rules[0].expression as it must be an expression in CEL that gives true or false: Expected IDENTIFIER, got LPAREN (The object that is checked is called object, as in has(object.spec).)",
      ],
    ],
    [
      "a variable that is no one's",
      "validation:\n  rules:\n  - {id: x, expression: self.spec == 1}",
      [
        "4:25 error config-invalid: Cannot use validation.rules[0].expression as it must be an expression in CEL that gives true or false: Unknown variable: self (The object that is checked is called object, as in has(object.spec).)",
      ],
    ],
    [
      "an expression that says something else",
      "validation:\n  rules:\n  - {id: x, expression: 1 + 1, messageExpression: 1 < 2}",
      [
        "4:25 error config-invalid: Cannot use validation.rules[0].expression as it must be an expression in CEL that gives true or false: it gives int, not bool (The object that is checked is called object, as in has(object.spec).)",
        "4:51 error config-invalid: Cannot use validation.rules[0].messageExpression as it must be an expression in CEL that gives a text: it gives bool, not string (The object that is checked is called object, as in has(object.spec).)",
      ],
    ],
    [
      "a name that is taken",
      'validation:\n  rules:\n  - {id: yaml-tab, expression: "true"}\n  - {id: app-path, expression: "true"}\n  - {id: x, expression: "true"}\n  - {id: x, expression: "true"}',
      [
        "4:10 error config-invalid: Cannot name a rule yaml-tab as names must be unique: a rule of trueup's has it (Rename it.)",
        "5:10 error config-invalid: Cannot name a rule app-path as names must be unique: a rule of trueup's has it (Rename it.)",
        "7:10 error config-invalid: Cannot name a rule x as names must be unique: another rule has it (Rename it.)",
      ],
    ],
    [
      "a kind that is misspelt",
      'validation:\n  rules:\n  - {id: x, expression: "true", kinds: [Deploymnt, apps/Deployment, example.org/Thing, "*"]}',
      ["4:41 warning config-invalid: Kubernetes has no kind Deploymnt (Did you mean Deployment?)"],
    ],
    [
      "a field that is none",
      'validation:\n  rules:\n  - {id: x, expression: "true", field: spec}',
      [
        "4:40 error config-invalid: Cannot use validation.rules[0].field as it must have the right form: it is \"spec\" (Write it as .spec.replicas, or .metadata.labels['example.org/owner'].)",
      ],
    ],
    [
      "an exception without reason and day",
      "validation:\n  exceptions:\n  - {rule: host-pid, kind: Pod, name: a}",
      [
        "4:5 error config-invalid: Cannot use validation.exceptions[0] as reason must be given: it is missing",
        "4:5 error config-invalid: Cannot use validation.exceptions[0] as until must be given: it is missing",
      ],
    ],
    [
      "an exception with an empty reason, or until some time",
      'validation:\n  exceptions:\n  - {rule: host-pid, kind: Pod, name: a, reason: " ", until: May}\n  - {rule: host-pid, kind: Pod, name: a, reason: r, until: 2027-02-29}',
      [
        '4:50 error config-invalid: Cannot use validation.exceptions[0].reason as it must have the right form: it is " "',
        '4:62 error config-invalid: Cannot use validation.exceptions[0].until as it must have the right form: it is "May" (Write the last day on which it counts, such as 2027-03-31.)',
        "5:60 error config-invalid: Cannot use validation.exceptions[1].until as it must be a day: there is no 2027-02-29",
      ],
    ],
    [
      "an exception to an error of the API server's, and to no rule",
      `validation:\n  exceptions:\n  - {rule: schema-type, kind: Pod, name: a, ${WHEN}}\n  - {rule: host-pit, kind: Pod, name: a, ${WHEN}}`,
      [
        "4:12 error config-invalid: Cannot make an exception to schema-type as what breaks it cannot be applied",
        '5:12 error config-invalid: Cannot use validation.exceptions[1].rule as "host-pit" must be a rule: there is none (Did you mean host-pid?)',
      ],
    ],
  ];
  it.each(rows)("%s", (_, text, expected) => {
    const { config, diagnostics } = repository(text);
    expect(lines(diagnostics)).toEqual(expected);
    expect(config === undefined).toBe(expected.some((line) => line.includes(" error ")));
  });

  it("bounds the number of rules", () => {
    const rules = Array.from({ length: 101 }, (_, at) => `{id: r${at}, expression: "true"}`).join(", ");
    expect(lines(repository(`validation: {rules: [${rules}]}`).diagnostics)).toEqual([
      expect.stringMatching(/^2:\d+ error config-invalid: Cannot use more than 100 rules as .*: it is 101$/),
    ]);
  });
});

const ASKED = `kubernetesVersion: 1.36
allowUnknownKinds: [example.org/*]
validation:
  policies: {host-pid: error, host-ipc: warning, minimum-replicas: {replicas: 4}}
  levels: {yaml-tab: error, image-tag-latest: warning}
  rules: [{id: x, level: warning, expression: "true"}]
  noExceptions: [host-*, x]
`;

describe("under an operator's section", () => {
  const rows: [name: string, text: string, expected: string[]][] = [
    ["nothing", "", []],
    [
      "as much, or more",
      "kubernetesVersion: 1.36\nallowUnknownKinds: [example.org/Thing, example.org/*]\nvalidation: {policies: {host-pid: error, host-ipc: error, minimum-replicas: {replicas: 5}}, levels: {yaml-tab: error, image-tag-latest: error, x: warning}}",
      [],
    ],
    [
      "another version",
      "kubernetesVersion: '1.35'",
      [
        "2:20 error config-invalid: Cannot check for Kubernetes 1.35 as it must be the version that the operator names: that is 1.36 (Remove it here.)",
      ],
    ],
    [
      "all kinds",
      "allowUnknownKinds: true",
      ["2:20 error config-invalid: Cannot let true pass without a schema as the operator allows only example.org/*"],
    ],
    [
      "other kinds",
      "allowUnknownKinds: [example.org/A, '*', other.org/*]",
      [
        "2:36 error config-invalid: Cannot let * pass without a schema as the operator allows only example.org/*",
        "2:41 error config-invalid: Cannot let other.org/* pass without a schema as the operator allows only example.org/*",
      ],
    ],
    [
      "a policy lowered",
      "validation: {policies: {host-pid: warning}}",
      [`2:35 error config-invalid: Cannot set validation.policies.host-pid to warning ${NOT_LESS} error${ELSE}`],
    ],
    [
      "a policy lowered in a mapping",
      "validation: {policies: {host-pid: {level: false}}}",
      [`2:43 error config-invalid: Cannot set validation.policies.host-pid.level to off ${NOT_LESS} error${ELSE}`],
    ],
    [
      "policies switched off",
      "validation: {policies: {host-ipc: off, minimum-replicas: off}}",
      [
        `2:35 error config-invalid: Cannot set validation.policies.host-ipc to off ${NOT_LESS} warning${ELSE}`,
        `2:58 error config-invalid: Cannot set validation.policies.minimum-replicas to off ${NOT_LESS} error${ELSE}`,
      ],
    ],
    [
      "fewer replicas",
      "validation: {policies: {minimum-replicas: {replicas: 3}}}",
      [
        `2:54 error config-invalid: Cannot set validation.policies.minimum-replicas.replicas to 3 ${NOT_LESS} at least 4${ELSE}`,
      ],
    ],
    [
      "levels lowered",
      "validation: {levels: {yaml-tab: warning, image-tag-latest: off, image-tag-missing: warning, x: off}}",
      [
        `2:33 error config-invalid: Cannot set validation.levels.yaml-tab to warning ${NOT_LESS} error${ELSE}`,
        `2:60 error config-invalid: Cannot set validation.levels.image-tag-latest to off ${NOT_LESS} warning${ELSE}`,
        `2:84 error config-invalid: Cannot set validation.levels.image-tag-missing to warning ${NOT_LESS} error${ELSE}`,
        `2:96 error config-invalid: Cannot set validation.levels.x to off ${NOT_LESS} warning${ELSE}`,
      ],
    ],
    [
      "the level of no rule",
      "validation: {levels: {theirs-alone: error}}",
      [
        '2:23 error config-invalid: Cannot use validation.levels.theirs-alone as "theirs-alone" must be a rule: there is none (`trueup explain` lists the rules.)',
      ],
    ],
    [
      "a rule of the same name",
      'validation: {rules: [{id: x, expression: "true"}]}',
      ["2:27 error config-invalid: Cannot name a rule x as names must be unique: another rule has it (Rename it.)"],
    ],
    [
      "exceptions where there may be none",
      `validation:\n  exceptions:\n  - {rule: host-pid, kind: Pod, name: a, ${WHEN}}\n  - {rule: x, kind: Pod, name: a, ${WHEN}}\n  - {rule: yaml-tab, kind: Pod, name: a, ${WHEN}}`,
      [
        "4:12 error config-invalid: Cannot make an exception to host-pid as the operator allows none",
        "5:12 error config-invalid: Cannot make an exception to x as the operator allows none",
      ],
    ],
  ];
  it.each(rows)("a repository asks for %s", (_, text, expected) => {
    const { config, diagnostics } = repository(text, floorOf(ASKED));
    expect(lines(diagnostics)).toEqual(expected);
    expect(config === undefined).toBe(expected.length > 0);
  });

  it("names rules that exist", () => {
    const { diagnostics } = parseOperatorConfig(
      "repositories: [{path: a}]\nvalidation: {noExceptions: [host-pit, 'host-*', nothing-like-it]}\n",
      "trueup.config.yaml",
    );
    expect(lines(diagnostics)).toEqual([
      '2:29 error config-invalid: Cannot use validation.noExceptions[0] as "host-pit" must be a rule: there is none (Did you mean host-pid?)',
      '2:49 error config-invalid: Cannot use validation.noExceptions[2] as "nothing-like-it" must be a rule: there is none (`trueup explain` lists the rules.)',
    ]);
  });

  it("the operator itself may lower what trueup alone asks, and switch off warnings", () => {
    expect(floorOf("validation: {levels: {image-tag-latest: off, yaml-tab: off}}").validation.levels).toEqual({
      "image-tag-latest": "off",
      "yaml-tab": "off",
    });
  });
});

const RANK = { off: 0, warning: 1, error: 2 } as const;
const LEVELS = fc.constantFrom("error", "warning", "off");
const PARAMETERS: Readonly<Record<string, string>> = {
  "image-registry": ", allowed: [web]",
  "required-labels": ", labels: [owner]",
};

const section = fc
  .record({
    policies: fc.dictionary(fc.constantFrom(...POLICY_IDS), LEVELS, { maxKeys: 3 }),
    levels: fc.dictionary(
      fc.constantFrom("image-tag-latest", "image-tag-missing", "env-duplicate", "yaml-tab", "replicas-negative"),
      LEVELS,
      { maxKeys: 3 },
    ),
    replicas: fc.integer({ min: 1, max: 5 }),
  })
  .map(({ policies, levels, replicas }) => {
    const own = Object.entries(policies).map(([rule, level]) => {
      const more = rule === "minimum-replicas" ? `, replicas: ${replicas}` : (PARAMETERS[rule] ?? "");
      return `    ${rule}: {level: "${level}"${more}}\n`;
    });
    const set = Object.entries(levels).map(([rule, level]) => `    ${rule}: "${level}"\n`);
    return `validation:\n  policies:\n${own.join("")}${own.length === 0 ? "    {}\n" : ""}  levels:\n${set.join("")}${set.length === 0 ? "    {}\n" : ""}`;
  });

const OBJECTS = declare(`apiVersion: apps/v1
kind: Deployment
metadata: {name: web}
spec:
  replicas: 2
  selector: {matchLabels: {app: web}}
  template:
    metadata: {labels: {app: web}}
    spec:
      hostPID: true
      containers:
      - {name: a, image: "web:latest", env: [{name: A, value: a}, {name: A, value: b}]}
      - {name: b, image: other, securityContext: {privileged: true}}
`);

describe("property: a repository can only ask for more", () => {
  function found(settings: ValidationSettings): Diagnostic[] {
    const said = OBJECTS.flatMap((each) => validateDeclared(each, settings));
    return judge(said, { settings, day: "2026-11-26", objects: () => OBJECTS.map(({ id }) => id) });
  }

  it("whatever it says, nothing that the operator's section finds is lost or lowered", () => {
    let joined = 0;
    fc.assert(
      fc.property(section, section, (operators, own) => {
        const { config: operator } = parseOperatorConfig(`repositories: [{path: a}]\n${operators}`, "o");
        if (operator === undefined) return;
        const { config } = repository(own, operator.floor);
        // What would loosen is refused, and with it the commit.
        if (config === undefined) return;
        joined++;
        const after = found(config.validation);
        for (const { rule, field, severity } of found(operator.floor.validation)) {
          const isChosen = Object.hasOwn(operator.floor.validation.levels, rule) || natureOf(rule) === "policy";
          // Warnings that the operator says nothing of are the repository's to have or not.
          if (severity === "warning" && !isChosen) continue;
          const same = after.filter((each) => each.rule === rule && each.field === field);
          const most = Math.max(0, ...same.map((each) => RANK[each.severity]));
          expect(most, `${rule} ${field}\n${operators}\n${own}`).toBeGreaterThanOrEqual(RANK[severity]);
        }
      }),
      { numRuns: 600 },
    );
    expect(joined).toBeGreaterThan(20);
  });

  it("whatever anybody says, what the API server would refuse stays an error", () => {
    const [broken] = declare(
      "{apiVersion: v1, kind: Pod, metadata: {name: a}, spec: {containers: [{name: A, image: a:1, ports: [{containerPort: 0}]}]}}",
    );
    if (broken === undefined) throw new Error("nothing declared");
    const said = validateDeclared(broken);
    const rules = Object.keys(RULES);
    const levels = Object.fromEntries(rules.map((rule) => [rule, "off" as const]));
    const everything = { kind: "*", name: "*", reason: "r", until: "9999-12-31" };
    const location = { file: "t", line: 1, column: 1 };
    const exceptions = rules.map((rule) => ({ ...everything, rule, location }));
    const kept = judge(said, { settings: { levels, exceptions }, day: "2026-11-26", objects: () => [broken.id] });
    const refused = said.filter(({ rule }) => natureOf(rule) === "refused");
    expect(refused.length).toBeGreaterThan(1);
    expect(kept).toEqual(refused);
  });
});
