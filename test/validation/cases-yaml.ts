/** Cases of the rules on what YAML 1.1 reads as something else than it seems to be. */
import type { RuleCase } from "./cases-1.ts";

const HEAD = "apiVersion: v1\nkind: Namespace\nmetadata:\n  name: a\n";
/** Not a Kubernetes kind's field: only what reading says is looked at, and the schema's word on it. */
const ANNOTATIONS = `${HEAD}  annotations:\n`;
const TEXT = "(Put the value in quotes.)";

export const CASES: readonly RuleCase[] = [
  {
    rule: "yaml-boolean",
    name: "words and keys that only YAML 1.1 takes for true or false",
    yaml: `${ANNOTATIONS}    on: "x"\n    a: NO\n    b: "on"\n`,
    expect: [
      '6:5 warning yaml-boolean: The key on is read as "true": YAML 1.1 has it so (Put it in quotes: "on".)',
      `7:8 error schema-type: Cannot read metadata.annotations.a as it must be text: it is false ${TEXT}`,
      "7:8 warning yaml-boolean: NO is read as false: YAML 1.1 has it so (Write true or false, or put it in quotes if it is text.)",
    ],
  },
  {
    rule: "yaml-number",
    name: "versions, modes and identifiers that become other numbers",
    yaml: `${ANNOTATIONS}    a: 1.10\n    b: 0755\n    0b11: "x"\n    c: 12345678901234567890\n    d: 22:22\n    e: 1.1.0\n`,
    expect: [
      `6:8 error schema-type: Cannot read metadata.annotations.a as it must be text: it is 1.1 ${TEXT}`,
      "6:8 warning yaml-number: 1.10 is read as 1.1 (Put it in quotes if it is text, as versions and identifiers are.)",
      `7:8 error schema-type: Cannot read metadata.annotations.b as it must be text: it is 493 ${TEXT}`,
      "7:8 warning yaml-number: 0755 is read as 493: a leading 0 means octal (Put it in quotes if it is text, as versions and identifiers are.)",
      '8:5 warning yaml-number: The key 0b11 is read as "3" (Put it in quotes if it is text, as versions and identifiers are.)',
      `9:8 error schema-type: Cannot read metadata.annotations.c as it must be text: it is 12345678901234567000 ${TEXT}`,
      "9:8 warning yaml-number: 12345678901234567890 is read as 12345678901234567000: it has too many digits (Put it in quotes if it is text, as versions and identifiers are.)",
    ],
  },
  {
    rule: "yaml-number",
    name: "file modes and quantities, which mean what they seem to",
    yaml: `apiVersion: v1
kind: Pod
metadata: {name: a}
spec:
  containers:
  - name: a
    image: a:v1
    resources: {requests: {cpu: 1.50}}
  volumes:
  - {name: c, downwardAPI: {defaultMode: 0755}}
`,
    expect: [],
  },
  {
    rule: "yaml-number",
    name: "a number of a Secret, which is not shown",
    yaml: "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData: {a: 0777}\n",
    expect: [
      `4:17 error schema-type: Cannot read stringData.a as it must be text: it is not shown, as this is a Secret ${TEXT}`,
      "4:17 warning yaml-number: This number is read as another than is written: a leading 0 means octal (Put it in quotes if it is text, as versions and identifiers are.)",
    ],
  },
  {
    rule: "yaml-merge",
    name: "a merge behind a key that it has too",
    yaml: `${HEAD}  labels: &l {app: x}\n  annotations:\n    app: z\n    <<: *l\n`,
    expect: [
      "7:5 warning yaml-merge: The key app stands before a merge that has it too: kubectl takes the merged value, trueup this one (Put << first in its mapping.)",
    ],
  },
  {
    rule: "yaml-tab",
    name: "a tab amid plain text",
    yaml: `${ANNOTATIONS}    a: x\ty\n    b: "x\ty"\n`,
    expect: ["6:8 warning yaml-tab: The text has a tab in it (Write it in double quotes, with \\t, if it is meant.)"],
  },
  {
    rule: "yaml-encoding",
    name: "UTF-16, told once, with its byte order mark and without, either end first",
    yaml: `\uFFFD\uFFFD${[...HEAD].map((character) => `${character}\0`).join("")}`,
    expect: [
      "1:1 error yaml-encoding: Cannot read the file as it must be UTF-8: it is UTF-16 (Save the file as UTF-8.)",
    ],
  },
  {
    rule: "yaml-encoding",
    name: "UTF-16 of the other end, without a mark",
    yaml: [...HEAD].map((character) => `\0${character}`).join(""),
    expect: [
      "1:1 error yaml-encoding: Cannot read the file as it must be UTF-8: it is UTF-16 (Save the file as UTF-8.)",
    ],
  },
  {
    rule: "yaml-syntax",
    name: "a merge that was not finished, told where it begins, and the document after it",
    yaml: `${HEAD}<<<<<<< HEAD\n  namespace: a\n=======\n  namespace: b\n>>>>>>> other\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: "x" y}\n`,
    expect: [
      "5:1 error yaml-syntax: Cannot read the document as its merge must be finished: a conflict begins here (Keep what is right of both sides, and remove the lines with <<<<<<<, ======= and >>>>>>>.)",
      "13:22 error yaml-syntax: Cannot read the document as it must be well-formed YAML: missed comma between flow collection entries",
    ],
  },
  {
    rule: "yaml-encoding",
    name: "a byte that was no UTF-8",
    yaml: `${ANNOTATIONS}    a: "x\uFFFD"\n`,
    expect: [
      "6:10 error yaml-encoding: Cannot read the file as it must be UTF-8: a character here is not, or was lost (Save the file as UTF-8, and write this character again.)",
    ],
  },
];
