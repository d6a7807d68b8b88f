/** Routes and Gateways: each rule on its own, without a definition; with one, only what it does not say itself. */
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { describe, expect, it } from "vitest";
import { parseManifestFile } from "../../../src/manifest/parse.ts";
import { EXPLANATIONS } from "../../../src/validation/explain/index.ts";
import { CustomKinds, validateDeclared } from "../../../src/validation/index.ts";
import { BLOB, declare, diagnose, lines } from "../declare.ts";

const HEAD = "apiVersion: gateway.networking.k8s.io/v1\n";
const route = (spec: string, kind = "HTTPRoute"): string => `${HEAD}kind: ${kind}\nmetadata: {name: r}\nspec:\n${spec}`;
const gateway = (listeners: string): string =>
  `${HEAD}kind: Gateway\nmetadata: {name: g}\nspec:\n  gatewayClassName: c\n  listeners:\n${listeners}`;
const rule = (body: string): string => route(`  rules:\n  - ${body}\n`);
const filter = (body: string, rest = ""): string => rule(`filters: [${body}]${rest}`);
const BACKEND = "{name: s, port: 80}";

const undefinedKinds = (text: string): string[] =>
  lines(diagnose(text, "a.yaml", { allowUnknownKinds: true, disabledRules: ["reference-missing"] }));

describe("a route without a definition", () => {
  it.each([
    {
      name: "parents that are the same",
      yaml: route("  parentRefs: [{name: g}, {name: g, sectionName: a}, {kind: Gateway, name: g}, {port: 0}]\n"),
      expect: [
        '5:54 error gateway-route: Cannot use spec.parentRefs[2] as it must name another parent, section or port than those before it: it is {"kind":"Gateway","name":"g"}',
        "5:80 error gateway-route: Cannot use spec.parentRefs[3] as name must be given: it is missing",
        "5:87 error port-range: Cannot use spec.parentRefs[3].port as it must be between 1 and 65535, inclusive: it is 0",
      ],
    },
    {
      name: "hostnames",
      yaml: route('  hostnames: [a.example, "*.a.example", 10.0.0.1, A_b, a.example]\n'),
      expect: [
        '5:41 error gateway-route: Cannot use spec.hostnames[2] as it must be a DNS name, not an IP address: it is "10.0.0.1"',
        expect.stringContaining(
          "5:51 error gateway-route: Cannot use spec.hostnames[3] as a lowercase RFC 1123 subdomain",
        ),
        '5:56 warning gateway-route: spec.hostnames[4] repeats "a.example"',
      ],
    },
    {
      name: "a Service without a port, in a mirror too; other backends need none",
      yaml: rule(
        "backendRefs: [{name: s}, {kind: Bucket, group: x.example, name: b}, {name: t, port: 70000}, {port: 80}]\n" +
          "    filters: [{type: RequestMirror, requestMirror: {backendRef: {name: m}}}]",
      ),
      expect: [
        "6:19 error gateway-route: Cannot use spec.rules[0].backendRefs[0] as port must be given: it is missing (A Service is addressed by the number of one of its ports.)",
        "6:89 error port-range: Cannot use spec.rules[0].backendRefs[2].port as it must be between 1 and 65535, inclusive: it is 70000",
        "6:97 error gateway-route: Cannot use spec.rules[0].backendRefs[3] as name must be given: it is missing",
        "7:53 error gateway-route: Cannot use spec.rules[0].filters[0].requestMirror.backendRef as port must be given: it is missing (A Service is addressed by the number of one of its ports.)",
      ],
    },
    {
      name: "weights",
      yaml: rule(
        "backendRefs: [{name: s, port: 80, weight: 0}, {name: t, port: 80, weight: 0}]\n  - backendRefs: [{name: s, port: 80, weight: 1000001}]",
      ),
      expect: [
        "6:5 warning gateway-route: No request is answered, as all weights of spec.rules[0].backendRefs are 0",
        "7:47 error gateway-route: Cannot use spec.rules[1].backendRefs[0].weight as it must be between 0 and 1000000: it is 1000001",
      ],
    },
    {
      name: "paths",
      yaml: rule(
        "matches: [{path: {value: a}}, {path: {type: Prefix, value: /a}}, {path: {value: /a//b}}, {path: {type: Exact, value: /a/..}}, {path: {type: RegularExpression, value: a.*}}]",
      ),
      expect: [
        '6:30 error gateway-route: Cannot use spec.rules[0].matches[0].path.value as it must be an absolute path: it is "a" (Begin it with a slash.)',
        '6:49 error unsupported-value: Cannot use spec.rules[0].matches[1].path.type as it must be one of "Exact", "PathPrefix", "RegularExpression": it is "Prefix"',
        "6:85 error gateway-route: Cannot use spec.rules[0].matches[2].path.value as it must not contain '//': it is \"/a//b\"",
        "6:122 error gateway-route: Cannot use spec.rules[0].matches[3].path.value as it must not end with '/..': it is \"/a/..\"",
      ],
    },
    {
      name: "a match that another takes first, and headers given twice",
      yaml: rule(
        'matches: [{path: {type: Exact, value: /a}}, {headers: [{name: X, value: "1"}, {name: x, value: "2"}]}]\n' +
          "  - matches: [{path: {value: /a, type: Exact}}]",
      ),
      expect: [
        '6:90 warning gateway-route: spec.rules[0].matches[1].headers[1] counts for nothing, as "x" stands before it in spec.rules[0].matches[1].headers',
        "7:15 warning gateway-route: spec.rules[1].matches[0] matches nothing: spec.rules[0].matches[0] takes the same requests first (Remove one of the two.)",
      ],
    },
    {
      name: "a filter without its settings, and with those of another",
      yaml: filter("{type: RequestRedirect, urlRewrite: {hostname: a.example}}"),
      expect: [
        "6:15 error gateway-route: Cannot use spec.rules[0].filters[0] as requestRedirect must be given: it is missing (It holds what a RequestRedirect does.)",
        '6:39 error gateway-route: Cannot use spec.rules[0].filters[0].urlRewrite as type must be the one of it: it is "RequestRedirect"',
      ],
    },
    {
      name: "filters that exclude each other",
      yaml: filter(
        "{type: RequestRedirect, requestRedirect: {scheme: ftp, statusCode: 200, path: {type: ReplaceFullPath}}}, {type: URLRewrite, urlRewrite: {hostname: a.example}}, {type: URLRewrite, urlRewrite: {hostname: b.example}}",
        `\n    backendRefs: [${BACKEND}]`,
      ),
      expect: [
        '6:22 error gateway-route: Cannot use spec.rules[0].filters[0].type as it must not stand beside a URLRewrite: it is "RequestRedirect"',
        '6:22 error gateway-route: Cannot use spec.rules[0].filters[0].type as a rule must either redirect or have backendRefs: it is "RequestRedirect"',
        expect.stringContaining(
          '6:65 error unsupported-value: Cannot use spec.rules[0].filters[0].requestRedirect.scheme as it must be one of "http", "https": it is "ftp"',
        ),
        "6:82 error gateway-route: Cannot use spec.rules[0].filters[0].requestRedirect.statusCode as it must be one of 301, 302, 303, 307, 308: it is 200",
        "6:87 error gateway-route: Cannot use spec.rules[0].filters[0].requestRedirect.path as replaceFullPath must be given: it is missing",
        '6:182 error gateway-route: Cannot use spec.rules[0].filters[2].type as it must be given once in spec.rules[0].filters: it is "URLRewrite"',
      ],
    },
    {
      name: "a header that is set twice",
      yaml: filter(
        '{type: RequestHeaderModifier, requestHeaderModifier: {set: [{name: X, value: "1"}, {name: x, value: "2"}]}}',
      ),
      expect: [
        '6:105 error gateway-route: Cannot use spec.rules[0].filters[0].requestHeaderModifier.set[1].name as a header must be given once in spec.rules[0].filters[0].requestHeaderModifier.set: it is "x"',
      ],
    },
    {
      name: "a GRPCRoute",
      yaml: route("  rules:\n  - matches: [{method: {type: Prefix}}]\n    backendRefs: [{name: s}]\n", "GRPCRoute"),
      expect: [
        "6:16 error gateway-route: Cannot use spec.rules[0].matches[0].method as it must have service or method: it has neither",
        '6:31 error unsupported-value: Cannot use spec.rules[0].matches[0].method.type as it must be one of "Exact", "RegularExpression": it is "Prefix"',
        "7:19 error gateway-route: Cannot use spec.rules[0].backendRefs[0] as port must be given: it is missing (A Service is addressed by the number of one of its ports.)",
      ],
    },
  ])("says what is wrong: $name", ({ yaml, expect: expected }) => expect(undefinedKinds(yaml)).toEqual(expected));

  it("refers to Services, which should be declared", () => {
    const found = diagnose(rule(`backendRefs: [${BACKEND}, {kind: Bucket, group: x.example, name: b}]`), "a.yaml", {
      allowUnknownKinds: true,
    });
    expect(lines(found)).toEqual([expect.stringMatching(/^6:26 warning reference-missing: .*service\/s/i)]);
  });
});

describe("a Gateway without a definition", () => {
  it.each([
    {
      name: "listeners that cannot be told apart",
      yaml: gateway("  - {name: a, port: 80, protocol: HTTP}\n  - {name: a, port: 80, protocol: HTTP}\n"),
      expect: [
        '8:12 error gateway: Cannot use spec.listeners[1].name as a listener\'s name must be its own: it is "a"',
        "8:21 error gateway: Cannot use spec.listeners[1].port as no two listeners may share port, protocol and hostname: it is 80",
      ],
    },
    {
      name: "certificates",
      yaml: gateway(
        "  - {name: a, port: 443, protocol: HTTPS}\n  - {name: b, port: 444, protocol: HTTPS, tls: {mode: Passthrough}}\n" +
          "  - {name: c, port: 80, protocol: HTTP, tls: {}}\n  - {name: d, port: 445, protocol: TLS, tls: {mode: Terminate}}\n",
      ),
      expect: [
        "7:5 error gateway: Cannot use spec.listeners[0] as tls must be given: it is missing (It names the certificate.)",
        '8:55 error gateway: Cannot use spec.listeners[1].tls.mode as a listener of HTTPS must end the encryption itself (Terminate): it is "Passthrough"',
        '9:41 error gateway: Cannot use spec.listeners[2].tls as protocol must be HTTPS or TLS: it is "HTTP"',
        "10:41 error gateway: Cannot use spec.listeners[3].tls as certificateRefs must be given: it is missing",
      ],
    },
    {
      name: "hostnames and ports",
      yaml: gateway(
        "  - {name: a, port: 0, protocol: TCP, hostname: a.example}\n  - {port: 80, protocol: HTTP, hostname: 10.0.0.1}\n",
      ),
      expect: [
        "7:21 error port-range: Cannot use spec.listeners[0].port as it must be between 1 and 65535, inclusive: it is 0",
        '7:49 error gateway: Cannot use spec.listeners[0].hostname as a TCP listener must have none: it is "a.example"',
        "8:5 error gateway: Cannot use spec.listeners[1] as name must be given: it is missing",
        '8:42 error gateway: Cannot use spec.listeners[1].hostname as it must be a DNS name, not an IP address: it is "10.0.0.1"',
      ],
    },
    {
      name: "nothing at all",
      yaml: `${HEAD}kind: Gateway\nmetadata: {name: g}\nspec: {}\n`,
      expect: [
        "4:1 error gateway: Cannot use spec as gatewayClassName must be given: it is missing",
        "4:1 error gateway: Cannot use spec as listeners must be given: it is missing",
      ],
    },
  ])("says what is wrong: $name", ({ yaml, expect: expected }) => expect(undefinedKinds(yaml)).toEqual(expected));
});

const FIXTURES = join(import.meta.dirname, "../../fixtures/validation/gateway-api");
const filesIn = (folder: string): string[] =>
  readdirSync(join(FIXTURES, folder)).filter((name) => name.endsWith(".yaml"));

describe("the examples of the Gateway API", () => {
  it("are valid without their definitions too", () => {
    const said = filesIn("examples").flatMap((file) => {
      const text = readFileSync(join(FIXTURES, "examples", file), "utf8");
      const { declared } = parseManifestFile({ file, blob: BLOB, text });
      return declared.flatMap((each) => lines(validateDeclared(each, { allowUnknownKinds: true })));
    });
    expect(said).toEqual([]);
  });
});

describe("a route whose definition is known", () => {
  const [definition] = declare(EXPLANATIONS["gateway-route"].example.text);
  const customKinds = new CustomKinds(definition === undefined ? [] : [definition.object]);
  const known = (yaml: string): string[] =>
    lines(diagnose(yaml, "a.yaml", { customKinds, disabledRules: ["reference-missing"] }));

  it("is told only what no definition says", () => {
    expect(known(rule("backendRefs: [{name: s}]\n    matches: [{path: {value: a}}]"))).toEqual([]);
    expect(known(route("  hostnames: [10.0.0.1, A_b]\n"))).toEqual([
      '5:15 error gateway-route: Cannot use spec.hostnames[0] as it must be a DNS name, not an IP address: it is "10.0.0.1"',
    ]);
  });

  it("is told nothing of it where schemas alone count", () => {
    const options = { customKinds, schemasOnly: true };
    expect(diagnose(route("  hostnames: [10.0.0.1]\n"), "a.yaml", options)).toEqual([]);
  });
});
