/** Differences of objects for people: unified text, fields, or Markdown as a comment on a pull request. Pure. */
import type { FieldChange } from "../../model/plan.ts";
import { describeField } from "../../plan/describe.ts";
import { pairItems } from "../../plan/pair-items.ts";
import type { Style } from "../output.ts";
import { printable, printableLine } from "./escape.ts";

/** How one object differs. Values of Secrets are masked. */
export interface ObjectDiff {
  /** `create`, `update`, `replace`, `delete`. */
  action: string;
  /** `deployment/web` */
  object: string;
  app?: string;
  /** Of an object that is on both sides. */
  fields: FieldChange[];
  /** Unified. */
  diff: string;
}

/** Characters of a whole comment; the forges take 65,536 and more, and nobody reads as much. */
const LONGEST_COMMENT = 60_000;
/** Characters of one object's diff. */
const LONGEST_BLOCK = 12_000;

/** Which object it is and what becomes of it, then its unified diff with colours. `patch` and `git apply` pass the first line over. */
export function unifiedText({ action, object, diff }: ObjectDiff, style: Style): string {
  const paint = (line: string): string => {
    if (line.startsWith("---") || line.startsWith("+++")) return style.bold(line);
    if (line.startsWith("@@")) return style.cyan(line);
    if (line.startsWith("-")) return style.red(line);
    return line.startsWith("+") ? style.green(line) : line;
  };
  return `${titleOf(object, action, style)}${diff.split("\n").map(paint).join("\n")}`;
}

/** A line an object and a line a field. */
export function fieldsText({ action, object, fields }: ObjectDiff, style: Style): string {
  const paint = { add: style.green, remove: style.red, change: style.yellow };
  const lines = pairItems(fields).map((field) => paint[field.kind](printableLine(describeField(field).slice(2))));
  return `${titleOf(object, action, style)}${lines.map((line) => `${line}\n`).join("")}`;
}

function titleOf(object: string, action: string, style: Style): string {
  return `${style.bold(`${printableLine(object)}: ${action}`)}\n`;
}

/** `2 to create, 1 to update`, in the order in which a plan counts. */
export function summaryOf(diffs: readonly ObjectDiff[]): string {
  const counts = new Map(["create", "update", "replace", "delete"].map((action) => [action, 0]));
  for (const { action } of diffs) counts.set(action, (counts.get(action) ?? 0) + 1);
  const parts = [...counts].filter(([, count]) => count > 0).map(([action, count]) => `${count} to ${action}`);
  return parts.length === 0 ? "nothing differs" : parts.join(", ");
}

/** A summary line and a collapsible block an object, of bounded size: what is left out is counted. */
export function diffMarkdown(diffs: readonly ObjectDiff[]): string {
  const parts = [`**trueup diff**: ${summaryOf(diffs)}\n`];
  let left = LONGEST_COMMENT - (parts[0]?.length ?? 0);
  for (const [index, diff] of diffs.entries()) {
    const block = blockOf(diff);
    if (block.length > left) {
      const rest = diffs.length - index;
      parts.push(`\n… and ${rest} more ${rest === 1 ? "object" : "objects"}; \`trueup diff\` shows all.\n`);
      break;
    }
    parts.push(block);
    left -= block.length;
  }
  return parts.join("");
}

function blockOf({ action, object, diff }: ObjectDiff): string {
  const text = printable(diff);
  const cut = text.length <= LONGEST_BLOCK ? text : text.slice(0, text.lastIndexOf("\n", LONGEST_BLOCK) + 1);
  const more = cut.length < text.length ? "… the rest is left out\n" : "";
  // A text of the manifests may hold a fence itself: ours is longer than any of them.
  const longest = Math.max(2, ...[...cut.matchAll(/`+/g)].map(([ticks]) => ticks.length));
  const fence = "`".repeat(longest + 1);
  const title = printableLine(object).replaceAll("&", "&amp;").replaceAll("<", "&lt;");
  return `\n<details><summary>${action} <code>${title}</code></summary>\n\n${fence}diff\n${cut}${more}${fence}\n\n</details>\n`;
}
