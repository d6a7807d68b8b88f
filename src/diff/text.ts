/** Differences as a unified text diff of YAML, secrets masked. Pure. */
import { createTwoFilesPatch } from "diff";
import { displayId, idOf, type KubeObject } from "../model/object.ts";
import { ANNOTATION } from "../model/workload.ts";
import { redactPair } from "./redact.ts";
import { SERVER_METADATA } from "./three-way.ts";
import { yamlText } from "./yaml-text.ts";

export interface TextDiffOptions {
  /** Lines of context around each change; 3 when absent. */
  context?: number;
  beforeName?: string;
  afterName?: string;
}

/**
 * A unified diff; "" when nothing a person cares about differs. `null` stands for "not there".
 *
 * Give it `live` and the result of `mergeThreeWay`, so that spelling is no difference. Status and bookkeeping are left out.
 */
export function textDiff(before: KubeObject | null, after: KubeObject | null, options: TextDiffOptions = {}): string {
  const masked = redactPair(before, after);
  const old = masked.before === null ? "" : yamlText(shownPart(masked.before));
  const next = masked.after === null ? "" : yamlText(shownPart(masked.after));
  if (old === next) return "";
  const object = after ?? before;
  const name = object === null ? "" : displayId(idOf(object));
  const beforeName = before === null ? "/dev/null" : (options.beforeName ?? `live ${name}`);
  const afterName = after === null ? "/dev/null" : (options.afterName ?? `git ${name}`);
  const patch = createTwoFilesPatch(beforeName, afterName, old, next, undefined, undefined, {
    context: options.context ?? 3,
  });
  // The library starts with a line of equal signs, which says nothing here.
  return patch.replace(/^=+\n/, "");
}

/** The object without what only the server writes. */
function shownPart(object: KubeObject): Record<string, unknown> {
  const { status: _status, metadata, ...rest } = object;
  const shown: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(metadata)) {
    if (!SERVER_METADATA.has(key)) shown[key] = value;
  }
  const annotations = { ...metadata.annotations };
  for (const key of [ANNOTATION.commit, ANNOTATION.source, ANNOTATION.declared, ANNOTATION.lastApplied])
    delete annotations[key];
  if (Object.keys(annotations).length > 0) shown.annotations = annotations;
  else delete shown.annotations;
  return { ...rest, metadata: shown };
}
