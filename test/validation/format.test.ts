/** Diagnostics as text: plain, coloured, and silent about Secrets. */
import { describe, expect, it } from "vitest";
import { formatDiagnostics } from "../../src/validation/index.ts";
import { diagnose } from "./declare.ts";

function render(text: string, color = false): string {
  return formatDiagnostics(diagnose(text), { color, sourceOf: () => text });
}

const POD = `apiVersion: v1
kind: Pod
metadata:
  name: web
spec:
  containers:
  - name: web
    image: web:latest
`;

describe("formatDiagnostics", () => {
  it("shows place, sentence, frame and hint", () => {
    expect(
      render(POD),
    ).toBe(`a.yaml:8:12: error: Cannot use spec.containers[0].image as its tag must name one version, so that a commit names what runs: it is "web:latest" (pod/web) [image-tag-latest]
  6 |   containers:
  7 |   - name: web
  8 |     image: web:latest
    |            ^^^^^^^^^^
  hint: Write the version instead of latest: web:v1.
`);
  });

  it("is empty when there is nothing to say", () => {
    expect(formatDiagnostics([], { color: true })).toBe("");
  });

  it("leaves the frame out when the source is not at hand", () => {
    expect(formatDiagnostics(diagnose(POD), { color: false }).split("\n")).toHaveLength(3);
  });

  it("colours only when asked", () => {
    expect(render(POD)).not.toContain("\u001b");
    expect(render(POD, true)).toContain("\u001b[31merror\u001b[39m");
  });

  it("shows no line of a file that has a Secret, in whatever way it is written", () => {
    const secret =
      "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\nstringData:\n  password: hunter2\n  pin: 99999\n";
    expect(render(secret)).not.toMatch(/hunter2|99999/);
    const both = `${secret.replace("99999", '"99999"')}---\napiVersion: v1\nkind: Namespace\nmetadata: {name: A}\n`;
    expect(render(both)).toContain("name-format");
    expect(render(both)).not.toMatch(/hunter2|99999/);
    const flow =
      'items: [{apiVersion: v1, kind: "\\x53ecret", metadata: {name: a}, data: {p: hunter2}}, {}]\nkind: List\n';
    expect(render(flow)).toContain("missing-kind");
    expect(render(flow)).not.toContain("hunter2");
    const broken = "kind: Secret\nstringData:\n  password: hunter2\n bad\n";
    expect(render(broken)).toContain("yaml-syntax");
    expect(render(broken)).not.toContain("hunter2");
  });

  it("lets no control character through to a terminal", () => {
    const text = `apiVersion: v1\nkind: Namespace\nmetadata: {name: "a\\e[31m"}\n`;
    expect(render(text)).not.toContain("\u001b");
    expect(
      formatDiagnostics(
        [
          {
            severity: "error",
            rule: "yaml-syntax",
            message: "a\u001b[2J\u202e",
            location: { file: "x\u0007", line: 1, column: 1 },
          },
        ],
        { color: false },
      ),
    ).toBe("x\uFFFD:1:1: error: a\uFFFD[2J\uFFFD [yaml-syntax]\n");
  });
});
