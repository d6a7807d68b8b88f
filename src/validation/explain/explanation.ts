/** What an explanation of a rule is made of. */
import type { Severity } from "../../model/diagnostic.ts";

/** A text that breaks a rule at a line, and the one replacement that mends it. Tests run every one. */
export interface Example {
  text: string;
  /** Line that the rule names, from 1, of `lineIn`. */
  line: number;
  /** What to replace by what, in every place. */
  mend: readonly [from: string | RegExp, to: string];
  /** Kubernetes version that it is checked for; the newest when absent. */
  kubernetesVersion?: string;
  /** What the text is; a manifest when absent. `trueup.yaml` stands before a manifest, parted by a line `# web.yaml`. */
  file?: "trueup.config.yaml" | "trueup.yaml";
  /** In which part of the text the line is; `file` when absent. */
  lineIn?: "web.yaml";
}

export interface Explanation {
  /** What happens to who breaks it. */
  why: string;
  /** What the rule says most. `validate --level` makes warnings errors, or leaves them out; an error stays one, as the daemon rejects it. */
  severity: Severity;
  example: Example;
  /** Where the rule comes from: whose it is, and what asks for it. */
  source: string;
}

/** The example as it is right. */
export function mended({ text, mend: [from, to] }: Example): string {
  return text.replaceAll(typeof from === "string" ? from : new RegExp(from, "g"), to);
}
