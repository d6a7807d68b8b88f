/** Manifests to put examples into, so that each shows little more than what it is about. */

/** A Pod with one container; `lines` are further fields of the container. */
export function podWith(lines: string, image = "web:v1"): string {
  const fields = lines === "" ? "" : `${indent(lines, 4)}\n`;
  return `apiVersion: v1\nkind: Pod\nmetadata: { name: web }\nspec:\n  containers:\n  - name: web\n    image: ${image}\n${fields}`;
}

/** A Pod whose spec has further fields, before its container. */
export function podSpecWith(lines: string): string {
  return podWith("").replace("  containers:", `${indent(lines, 2)}\n  containers:`);
}

/** A Deployment with further fields in its spec, from line 5 on. */
export function deploymentWith(lines: string, selector = "selector: { matchLabels: { app: web } }"): string {
  const own = lines === "" ? "" : `${indent(lines, 2)}\n`;
  return (
    `apiVersion: apps/v1\nkind: Deployment\nmetadata: { name: web }\nspec:\n${own}  ${selector}\n` +
    "  template:\n    metadata: { labels: { app: web } }\n    spec:\n      containers:\n      - { name: web, image: web:v1 }\n"
  );
}

/** An object with little of its own; `lines` follow its metadata, from line 4 on. */
export function objectOf(kind: string, lines = "", metadata = "{ name: web }"): string {
  return `apiVersion: v1\nkind: ${kind}\nmetadata: ${metadata}\n${lines === "" ? "" : `${lines}\n`}`;
}

function indent(lines: string, by: number): string {
  return lines
    .split("\n")
    .map((line) => " ".repeat(by) + line)
    .join("\n");
}
