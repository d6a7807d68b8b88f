/** Expressions of CEL with what Kubernetes adds: values, functions, and the ends of those that go too far. */
import { describe, expect, it } from "vitest";
import { celValue, checkExpression, evaluate, fieldIdentifier } from "../../../src/validation/cel/index.ts";

const VALUES: readonly [expression: string, value: unknown, self?: unknown][] = [
  ["self.a + 1 == 3", true, { a: 2 }],
  ["self.a == 2.0", true, { a: 2 }],
  ["has(self.b) ? self.b : 'none'", "none", { a: 2 }],
  ["self.all(k, self[k] > 0)", true, { a: 1, b: 2 }],
  ["self.exists_one(x, x == 1)", true, [1, 2]],
  ["self.?a.?b.orValue(7)", 7n, { a: {} }],
  ["!('*' in self && self.size() > 1)", false, ["*", "a"]],
  ["'abc'.charAt(1) + 'abc'.reverse()", "bcba"],
  ["'a-b-c'.replace('-', '+') + 'a-b-c'.replace('-', '', 1)", "a+b+cab-c"],
  ["'%s has %d, %.2f%%'.format(['x', 3, 1.5])", "x has 3, 1.50%"],
  ["strings.quote('a\"b')", '"a\\"b"'],
  ["'a1b22'.findAll('[0-9]+')", ["1", "22"]],
  ["'a1b22'.findAll('[0-9]+', 1)", ["1"]],
  ["'a1b22'.find('[0-9]+')", "1"],
  ["'aaaa'.matches('^(a+)+$')", true],
  ["matches('x', '(?i)X')", true],
  ["[1, 2].isSorted() && ![2, 1].isSorted()", true],
  ["[1, 2, 3].sum() == 6 && [3, 1].min() == 1 && [3, 1].max() == 3", true],
  ["['a', 'b', 'a'].lastIndexOf('a')", 2n],
  ["[[1], [2]].flatten() == [1, 2] && [1, 1].distinct() == [1]", true],
  ["lists.range(3).slice(1, 3)", [1n, 2n]],
  ["sets.contains([1, 2], [2]) && sets.intersects([1], [1, 3]) && sets.equivalent([1, 2], [2, 1, 1])", true],
  ["isIP('10.0.0.1') && !isIP('010.0.0.1') && !isIP('::ffff:1.2.3.4') && !isIP('fe80::1%eth0')", true],
  ["ip('fe80::1').isLinkLocalUnicast() && ip('127.0.0.1').isLoopback() && ip('8.8.8.8').isGlobalUnicast()", true],
  ["ip.isCanonical('2001:db8::1') && !ip.isCanonical('2001:DB8::1') && ip('::1').family() == 6", true],
  ["cidr('10.0.0.0/8').containsIP('10.9.8.7') && !cidr('10.0.0.0/8').containsIP(ip('11.0.0.1'))", true],
  ["cidr('10.0.0.0/8').containsCIDR('10.1.0.0/16') && cidr('10.1.2.3/8').masked() == cidr('10.0.0.0/8')", true],
  ["!isCIDR('10.0.0.0/33') && string(cidr('2001:db8::/32')) == '2001:db8::/32'", true],
  ["url('https://u@example.org:8443/a%20b?x=1&x=2').getPort()", "8443"],
  ["url('https://[::1]:80/').getHostname() + url('/only/path?q').getEscapedPath()", "::1/only/path"],
  ["isURL('https://example.org') && !isURL('../up') && !isURL('no scheme')", true],
  ["quantity('1.5Gi').isGreaterThan(quantity('1500M')) && quantity('50m').compareTo(quantity('0.05')) == 0", true],
  ["quantity('2k').asInteger() == 2000 && quantity('1').sub(quantity('500m')).asApproximateFloat() == 0.5", true],
  ["isQuantity('200Mi') && !isQuantity('200MB') && quantity('1Ki') == quantity('1024')", true],
  ["semver('1.2.3').isLessThan(semver('1.10.0')) && isSemver('v1.0', true) && !isSemver('v1.0')", true],
  ["semver('1.0.0-rc.1').compareTo(semver('1.0.0')) == -1", true],
  ["format.dns1123Label().validate('a-b').hasValue()", false],
  ["format.named('uuid').value().validate('no').hasValue()", true],
  ["timestamp('2026-01-01T00:00:00Z') < timestamp('2026-01-02T00:00:00Z') && duration('1h') > duration('5s')", true],
  ["has(self[0].a) && !has(self[0].b) && !has(self[0].c.d)", true, [{ a: 1, c: {} }]],
  ["cel.bind(x, 2, x * x)", 4n],
];

const ENDS: readonly [expression: string, reason: string, message: RegExp][] = [
  ["self ==", "syntax", /Unexpected token/],
  ["self.frobnicate()", "unsupported", /no matching overload/],
  ["[1].all(i, v, i < v)", "unsupported", /no matching overload/],
  ["self.missing == 1", "failed", /No such key: missing/],
  ["nobody == 1", "failed", /Unknown variable: nobody/],
  ["1 / 0 == 1", "failed", /zero/],
  ["'a'.matches('(')", "failed", /missing closing/],
  [
    "lists.range(1000).all(a, lists.range(1000).all(b, lists.range(1000).all(c, a + b + c >= 0)))",
    "limit",
    /more than 1000000 steps/,
  ],
  [
    `cel.bind(a, "0123456789", ${Array.from({ length: 40 }, (_, at) => `cel.bind(${at % 2 === 0 ? "b" : "a"}, ${at % 2 === 0 ? "a + a" : "b + b"}, `).join("")}a.size() > 0${")".repeat(41)}`,
    "limit",
    /more than 1048576 items/,
  ],
  [`${"(".repeat(500)}1${")".repeat(500)} == 1`, "syntax", /maxDepth/],
  [`'${"x".repeat(70_000)}' == self`, "limit", /longer than/],
];

describe("evaluate", () => {
  for (const [expression, value, self = {}] of VALUES) {
    it(expression, () => {
      expect(evaluate(expression, { self: celValue(self) })).toMatchObject({ ok: true, value });
    });
  }

  for (const [expression, reason, message] of ENDS) {
    it(`ends ${expression.slice(0, 60)} as ${reason}`, () => {
      const outcome = evaluate(expression, { self: celValue({}) });
      expect(outcome).toMatchObject({ ok: false, reason });
      expect("message" in outcome && outcome.message).toMatch(message);
    });
  }

  it("counts the steps of each evaluation by itself", () => {
    const limits = { steps: 200, size: 100 };
    for (let time = 0; time < 10; time++) {
      expect(evaluate("self.all(x, x > 0)", { self: celValue([1, 2, 3]) }, limits)).toMatchObject({
        ok: true,
        value: true,
      });
    }
    const many = celValue(Array.from({ length: 200 }, () => 1));
    expect(evaluate("self.all(x, x > 0)", { self: many }, limits)).toMatchObject({ ok: false, reason: "limit" });
    expect(evaluate("self.all(x, x > 0)", { self: celValue([1]) }, limits)).toMatchObject({ ok: true, value: true });
  });

  it("says before evaluating what no value could repair", () => {
    expect(checkExpression("self.a > 1")).toBeUndefined();
    expect(checkExpression("self.a >")).toMatchObject({ reason: "syntax" });
    expect(checkExpression("frobnicate(self)")).toMatchObject({ reason: "unsupported" });
  });
});

describe("celValue", () => {
  it("follows the schema: integers, doubles, times, names", () => {
    const schema = {
      properties: {
        "a-b": { type: "integer" },
        if: { type: "number" },
        at: { type: "string", format: "date-time" },
        none: { type: "string", nullable: true },
      },
    };
    const value = celValue({ "a-b": 1, if: 1, at: "2026-01-01T00:00:00Z", none: null, other: null }, schema);
    expect(value).toEqual(
      new Map<string, unknown>([
        ["a__dash__b", 1n],
        ["__if__", 1],
        ["at", new Date("2026-01-01T00:00:00Z")],
        ["none", null],
      ]),
    );
  });

  it("names fields as Kubernetes escapes them", () => {
    expect(["a.b", "a/b", "a__b", "in", "plain"].map(fieldIdentifier)).toEqual([
      "a__dot__b",
      "a__slash__b",
      "a__underscores__b",
      "__in__",
      "plain",
    ]);
  });
});
