/** Every rule's explanation. A rule of `RULES` that has none does not compile here. */
import { RECONCILER_RULES, type ReconcilerRuleId, RULES, type RuleId } from "../rules.ts";
import { APPS } from "./apps.ts";
import { CUSTOM } from "./custom.ts";
import type { Explanation } from "./explanation.ts";
import { GATEWAY_API } from "./gateway.ts";
import { KINDS } from "./kinds.ts";
import { POLICIES } from "./policies.ts";
import { READING } from "./reading.ts";
import { SCHEMA } from "./schema.ts";
import { WORKLOADS } from "./workloads.ts";

export { type Example, type Explanation, mended } from "./explanation.ts";
export { RECONCILER_EXPLANATIONS } from "./reconciler.ts";

/** "Property … is missing" here means: write the explanation of the new rule, in the file of its group. */
export const EXPLANATIONS: Readonly<Record<RuleId, Explanation>> = {
  ...READING,
  ...SCHEMA,
  ...CUSTOM,
  ...WORKLOADS,
  ...KINDS,
  ...GATEWAY_API,
  ...APPS,
  ...POLICIES,
};

export function isRuleId(text: string): text is RuleId {
  return Object.hasOwn(RULES, text);
}

export function isReconcilerRuleId(text: string): text is ReconcilerRuleId {
  return Object.hasOwn(RECONCILER_RULES, text);
}
