/** Options that several commands share, and how their values are read. */
import type { KubeObject } from "../model/object.ts";
import type { CommandOption, Invocation } from "./command.ts";
import type { Output } from "./output.ts";

export const NAMESPACE_OPTION: CommandOption = {
  flags: "-n, --namespace <name>",
  summary: "namespace to look in (default: default)",
  completes: "namespace",
};

export const ALL_NAMESPACES_OPTION: CommandOption = {
  flags: "-A, --all-namespaces",
  summary: "look in all namespaces",
};

export const OUTPUT_OPTION: CommandOption = {
  flags: "-o, --output <format>",
  summary: "print as data",
  choices: ["json", "yaml"],
};

export const WIDE_OUTPUT_OPTION: CommandOption = {
  flags: "-o, --output <format>",
  summary: "print more columns, or as data",
  choices: ["wide", "json", "yaml"],
};

export function namespaceOf(invocation: Invocation): string {
  return invocation.text("namespace") ?? "default";
}

/** Prints a value as JSON or YAML; a YAML document ends its file, a JSON one its line. */
export async function printData(out: Output, format: "json" | "yaml", value: unknown): Promise<void> {
  if (format === "json") return out.line(JSON.stringify(value, null, 2));
  const { dump } = await import("js-yaml");
  // Through JSON first: what is undefined is left out, and nothing is written as an alias.
  return out.write(dump(JSON.parse(JSON.stringify(value)), { noRefs: true, lineWidth: -1 }));
}

/** The format when data is asked for, else `undefined`. */
export function dataFormat(invocation: Invocation): "json" | "yaml" | undefined {
  const format = invocation.text("output");
  return format === "json" || format === "yaml" ? format : undefined;
}

/** Objects as `kubectl get -o json` gives several of them. */
export function listOf(items: readonly KubeObject[]): object {
  return { apiVersion: "v1", items, kind: "List", metadata: { resourceVersion: "" } };
}
