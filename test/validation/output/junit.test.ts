/**
 * JUnit's XML held to the rules that Jenkins publishes for it (junit-10.xsd of its xunit plug-in, MIT), which is the strictest form
 * that the usual readers share; and read again, as they would, whatever the texts hold.
 */
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { Diagnostic } from "../../../src/model/diagnostic.ts";
import { junitOutput } from "../../../src/validation/output/junit.ts";

interface Element {
  name: string;
  attributes: Record<string, string>;
  children: Element[];
  text: string;
}

/** What an element must have, what else it may have, and what may stand in it. `text`: also text. */
const FORM: Record<string, { must: string[]; may: string[]; holds: string[]; text: boolean }> = {
  testsuites: { must: [], may: ["name", "time", "tests", "failures", "errors"], holds: ["testsuite"], text: false },
  testsuite: {
    must: ["name", "tests", "failures", "errors"],
    may: ["group", "time", "skipped", "timestamp", "hostname", "id", "package", "file", "log", "url"],
    holds: ["testsuite", "properties", "testcase", "system-out", "system-err"],
    text: false,
  },
  testcase: {
    must: ["name"],
    may: ["time", "classname", "group"],
    holds: ["skipped", "error", "failure", "system-out", "system-err"],
    text: false,
  },
  failure: { must: [], may: ["type", "message"], holds: [], text: true },
  "system-out": { must: [], may: [], holds: [], text: true },
};

const ENTITIES: Record<string, string> = { amp: "&", lt: "<", gt: ">", quot: '"', apos: "'" };
const decode = (text: string): string =>
  text.replace(/&(?:#(\d+)|(\w+));/g, (_, code: string | undefined, name = "") =>
    code === undefined ? (ENTITIES[name] ?? `?${name}?`) : String.fromCodePoint(Number(code)),
  );

/** Reads what `junitOutput` may write, and nothing else. As XML has it, white space in an attribute is a blank. */
function readXml(xml: string): Element {
  const head = '<?xml version="1.0" encoding="UTF-8"?>\n';
  expect(xml.startsWith(head)).toBe(true);
  const root: Element = { name: "", attributes: {}, children: [], text: "" };
  const open = [root];
  let at = head.length;
  for (const token of xml.slice(head.length).matchAll(/<(\/?)([a-z-]+)((?: [a-z]+="[^"<]*")*)(\/?)>|[^<]+/g)) {
    expect(token.index + head.length).toBe(at);
    at += token[0].length;
    const [text, close, name, attributes = "", empty] = token;
    const parent = open.at(-1) as Element;
    if (name === undefined) parent.text += decode(text);
    else if (close === "/") expect(open.pop()?.name).toBe(name);
    else {
      const pairs = [...attributes.matchAll(/ ([a-z]+)="([^"]*)"/g)];
      const values = pairs.map(([, key = "", value = ""]) => [key, decode(value.replace(/[\t\r\n]/g, " "))] as const);
      const element = { name, attributes: Object.fromEntries(values), children: [], text: "" };
      expect(values.length).toBe(Object.keys(element.attributes).length);
      parent.children.push(element);
      if (empty !== "/") open.push(element);
    }
  }
  expect(at).toBe(xml.length);
  expect(open).toEqual([root]);
  expect(root.children).toHaveLength(1);
  return root.children[0] as Element;
}

function checkForm({ name, attributes, children, text }: Element): void {
  const form = FORM[name];
  if (form === undefined) throw new Error(`there must be no ${name}`);
  for (const key of form.must) expect(attributes, name).toHaveProperty(key);
  for (const key of Object.keys(attributes)) expect([...form.must, ...form.may], name).toContain(key);
  if (!form.text) expect(text.trim(), name).toBe("");
  for (const child of children) {
    expect(form.holds, name).toContain(child.name);
    checkForm(child);
  }
}

const CONTEXT = { prefix: "", version: "1.2.3" };
/** What XML cannot hold arrives as this sign. */
const asXml = (text: string): string =>
  text.toWellFormed().replace(/[^\t\n\r\u0020-\uD7FF\uE000-\uFFFD\u{10000}-\u{10FFFF}]/gu, "\uFFFD");

const anyText = fc.string({ unit: fc.constantFrom(..."a\n\r\t <>&\"']\u0000\u001b\uD800\uFFFE€😀"), maxLength: 12 });
const anyDiagnostic: fc.Arbitrary<Diagnostic> = fc.record({
  severity: fc.constantFrom("error" as const, "warning" as const),
  rule: fc.constantFrom("schema-type", "own-rule"),
  message: anyText,
  hint: anyText,
  location: fc.record({
    file: anyText,
    line: fc.integer({ min: 1, max: 99 }),
    column: fc.integer({ min: 1, max: 99 }),
  }),
});

describe("a JUnit report", () => {
  it("has the published form, counts what it holds, and says each text again when it is read", () => {
    fc.assert(
      fc.property(
        fc.array(anyDiagnostic, { maxLength: 5 }),
        fc.uniqueArray(anyText, { maxLength: 3 }),
        (found, clean) => {
          const files = [...new Set([...clean, ...found.map(({ location }) => location.file)])];
          const root = readXml(junitOutput(found, { ...CONTEXT, files }));
          checkForm(root);
          const errors = found.filter(({ severity }) => severity === "error");
          const cases = root.children.flatMap(({ children }) => children);
          expect(root.attributes).toMatchObject({
            tests: `${cases.length}`,
            failures: `${errors.length}`,
            errors: "0",
          });
          for (const suite of root.children) {
            const failed = suite.children.filter(({ children }) => children[0]?.name === "failure").length;
            expect(suite.attributes).toMatchObject({
              tests: `${suite.children.length}`,
              failures: `${failed}`,
              errors: "0",
            });
          }
          expect(root.children.map(({ attributes }) => attributes.name).sort()).toEqual(files.map(asXml).sort());
          const messages = cases.flatMap(({ children }) =>
            children.flatMap(({ attributes }) => attributes.message ?? []),
          );
          expect(messages.sort()).toEqual(errors.map(({ message }) => asXml(message)).sort());
        },
      ),
    );
  });

  it("is told from one that is not of that form", () => {
    const form = (xml: string) => () => checkForm(readXml(`<?xml version="1.0" encoding="UTF-8"?>\n${xml}`));
    expect(form('<testsuites><testsuite name="a" tests="0" failures="0" errors="0"/></testsuites>')).not.toThrow();
    expect(form('<testsuites><testsuite name="a" tests="0" failures="0"/></testsuites>')).toThrow();
    expect(form('<testsuites><testcase name="a"/></testsuites>')).toThrow();
    expect(form('<testsuites version="1"/>')).toThrow();
    expect(form("<testsuites>text</testsuites>")).toThrow();
    expect(form("<testsuites>")).toThrow();
  });
});
