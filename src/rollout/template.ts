/** Pod templates: when two are the same, and the short hash that names a ReplicaSet after its template. Pure. */
import { LABEL_POD_TEMPLATE_HASH, type PodTemplate } from "../model/workload.ts";

/** Kubernetes' alphabet for generated names: no vowels, hence no words. */
const SAFE_ALPHABET = "bcdfghjklmnpqrstvwxz2456789";

/** Maps whose emptiness means the same as their absence. */
const OPTIONAL_MAPS = new Set(["labels", "annotations", "nodeSelector", "metadata"]);

/** Canonical texts of frozen templates; objects of the store are frozen and read many times. */
const canonicalTexts = new WeakMap<PodTemplate, string>();

/**
 * One text for all templates that are the same: keys sorted, the hash label left out, and what is empty or null treated as
 * absent where the API server makes no difference.
 */
export function canonicalTemplate(template: PodTemplate): string {
  const known = canonicalTexts.get(template);
  if (known !== undefined) return known;
  const text = canonical(withoutHashLabel(template), "") ?? "{}";
  if (Object.isFrozen(template)) canonicalTexts.set(template, text);
  return text;
}

/** Whether two templates are the same, whatever their label `pod-template-hash` says. */
export function templatesEqual(a: PodTemplate, b: PodTemplate): boolean {
  return a === b || canonicalTemplate(a) === canonicalTemplate(b);
}

/** The template with no label `pod-template-hash`. */
export function withoutHashLabel(template: PodTemplate): PodTemplate {
  const labels = template.metadata?.labels;
  if (labels === undefined || !(LABEL_POD_TEMPLATE_HASH in labels)) return template;
  const { [LABEL_POD_TEMPLATE_HASH]: _hash, ...rest } = labels;
  return { ...template, metadata: { ...template.metadata, labels: rest } };
}

/**
 * The hash of a template: FNV-1a, 32 bits, of its canonical text, then of the number of collisions so far; written in
 * decimal, each digit replaced by a letter that can stand in a name.
 *
 * It is stable for a template, but not the hash that a Kubernetes release computes: that one covers the layout of Go's
 * structures and changes with every release that adds a field.
 *
 * @param collisionCount How often this Deployment met a ReplicaSet of the same name and another template
 */
export function templateHash(template: PodTemplate, collisionCount?: number): string {
  const bytes = new TextEncoder().encode(canonicalTemplate(template));
  let hash = fnv1a(bytes);
  if (collisionCount !== undefined) {
    const count = new Uint8Array(8);
    new DataView(count.buffer).setUint32(0, collisionCount, true);
    hash = fnv1a(count, hash);
  }
  return safeEncode(String(hash));
}

/** Replaces each character by one of the safe alphabet, as Kubernetes' rand.SafeEncodeString does. */
export function safeEncode(text: string): string {
  return [...text].map((char) => SAFE_ALPHABET[char.charCodeAt(0) % SAFE_ALPHABET.length]).join("");
}

/** FNV-1a with 32 bits; offset basis and prime as published by Fowler, Noll and Vo. */
function fnv1a(bytes: Uint8Array, start = 0x811c9dc5): number {
  let hash = start;
  for (const byte of bytes) hash = Math.imul(hash ^ byte, 0x01000193);
  return hash >>> 0;
}

function canonical(value: unknown, key: string): string | undefined {
  if (value === null || value === undefined) return undefined;
  if (Array.isArray(value)) {
    return value.length === 0 ? undefined : `[${value.map((item) => canonical(item, "") ?? "null").join(",")}]`;
  }
  if (typeof value !== "object") return JSON.stringify(value);
  const record = value as Record<string, unknown>;
  const parts: string[] = [];
  for (const name of Object.keys(record).sort()) {
    const text = canonical(record[name], name);
    if (text !== undefined) parts.push(`${JSON.stringify(name)}:${text}`);
  }
  return parts.length === 0 && OPTIONAL_MAPS.has(key) ? undefined : `{${parts.join(",")}}`;
}
