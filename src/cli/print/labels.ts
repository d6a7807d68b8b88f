/** Labels, selectors and ports in one line, spelled as kubectl does. */
import type { LabelSelector } from "../../model/object.ts";
import { parseRecord } from "../../util/json.ts";

export const NONE = "<none>";

/** `a=b,c=d`, sorted; `<none>` when there are none. */
export function formatLabels(labels: Readonly<Record<string, string>> | undefined): string {
  return sortedPairs(labels).join(",") || NONE;
}

/** Pairs `key=value`, sorted by key. */
export function sortedPairs(labels: Readonly<Record<string, string>> | undefined, separator = "="): string[] {
  return Object.entries(labels ?? {})
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}${separator}${value}`);
}

/** `app=web,tier in (a,b),!old`; `<none>` when nothing is selected. */
export function formatSelector(selector: LabelSelector | undefined): string {
  const pairs = sortedPairs(selector?.matchLabels);
  const expressions = (selector?.matchExpressions ?? []).map(({ key, operator, values = [] }) => {
    const list = `(${[...values].sort().join(",")})`;
    switch (operator) {
      case "In":
        return `${key} in ${list}`;
      case "NotIn":
        return `${key} notin ${list}`;
      case "Exists":
        return key;
      case "DoesNotExist":
        return `!${key}`;
      default:
        return operator satisfies never;
    }
  });
  return [...pairs, ...expressions].join(",") || NONE;
}

/** An annotation whose value is a JSON object of numbers (`trueup/local-ports`); {} when it is absent or is none. */
export function portMap(text: string | undefined): Record<string, number> {
  if (text === undefined) return {};
  // Anybody can annotate a Service; what is no JSON names no ports.
  const entries = Object.entries(parseRecord(text) ?? {});
  return Object.fromEntries(entries.filter((entry): entry is [string, number] => typeof entry[1] === "number"));
}
