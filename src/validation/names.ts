/** The forms of names, labels and keys, with the API server's own words for what is wrong. */

const LABEL = "[a-z0-9](?:[-a-z0-9]*[a-z0-9])?";
const RFC1123_LABEL = new RegExp(`^${LABEL}$`);
const RFC1123_SUBDOMAIN = new RegExp(`^${LABEL}(?:\\.${LABEL})*$`);
const RFC1035_LABEL = /^[a-z](?:[-a-z0-9]*[a-z0-9])?$/;
const QUALIFIED_PART = /^(?:[A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]$/;
const CONFIG_KEY = /^[-._a-zA-Z0-9]+$/;

const tooLong = (limit: number): string => `it must be no more than ${limit} characters`;

/** What is wrong with a text, as a clause ("it must be …"); `null` when nothing is. */
export type NameCheck = (text: string) => string | null;

export const checkDnsLabel: NameCheck = (text) => {
  if (text.length > 63) return tooLong(63);
  if (RFC1123_LABEL.test(text)) return null;
  return "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with an alphanumeric character";
};

export const checkSubdomain: NameCheck = (text) => {
  if (text.length > 253) return tooLong(253);
  if (RFC1123_SUBDOMAIN.test(text)) return null;
  return "a lowercase RFC 1123 subdomain must consist of lower case alphanumeric characters, '-' or '.', and must start and end with an alphanumeric character";
};

export const checkServiceName: NameCheck = (text) => {
  if (text.length > 63) return tooLong(63);
  if (RFC1035_LABEL.test(text)) return null;
  return "a DNS-1035 label must consist of lower case alphanumeric characters or '-', start with an alphabetic character, and end with an alphanumeric character";
};

/** A host name of which the first part is `*`. */
export const checkWildcard: NameCheck = (text) => {
  if (text.startsWith("*.") && !text.slice(2).includes("*")) return checkSubdomain(text.slice(2));
  return "a wildcard DNS name must start with '*.', followed by a DNS subdomain";
};

/** Names that only have to fit into a path: of RBAC's kinds, for example. */
export const checkPathSegment: NameCheck = (text) => {
  if (text === "." || text === "..") return "it may not be '.' or '..'";
  const wrong = ["/", "%"].find((each) => text.includes(each));
  return wrong === undefined ? null : `it may not contain '${wrong}'`;
};

/** Keys of labels and annotations: an optional DNS prefix, a slash, and up to 63 characters. */
export const checkQualifiedName: NameCheck = (text) => {
  const parts = text.split("/");
  const name = parts.at(-1) ?? "";
  if (parts.length > 2) return "a qualified name must have at most one '/'";
  if (parts.length === 2) {
    const prefix = parts[0] ?? "";
    if (prefix === "") return "the prefix part must be non-empty";
    const wrong = checkSubdomain(prefix);
    if (wrong !== null) return `in the prefix part ${wrong}`;
  }
  if (name === "") return "the name part must be non-empty";
  if (name.length > 63) return "the name part must be no more than 63 characters";
  if (QUALIFIED_PART.test(name)) return null;
  return "the name part must consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
};

export const checkLabelValue: NameCheck = (text) => {
  if (text.length > 63) return tooLong(63);
  if (text === "" || QUALIFIED_PART.test(text)) return null;
  return "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and end with an alphanumeric character";
};

/** IANA_SVC_NAME (RFC 6335): names of container ports. */
export const checkPortName: NameCheck = (text) => {
  if (text.length > 15) return tooLong(15);
  if (!/^[-a-z0-9]+$/.test(text)) return "it must contain only lower case alphanumeric characters and hyphens (-)";
  if (!/[a-z]/.test(text)) return "it must contain at least one letter (a-z)";
  if (text.includes("--")) return "it must not contain consecutive hyphens";
  if (text.startsWith("-") || text.endsWith("-")) return "it must not begin or end with a hyphen";
  return null;
};

/** Since Kubernetes 1.34 (relaxed environment variable validation). */
export const checkEnvName: NameCheck = (text) => {
  if (/^[\x20-\x3c\x3e-\x7e]+$/.test(text)) return null;
  return "a valid environment variable name must consist only of printable ASCII characters other than '='";
};

export const checkConfigKey: NameCheck = (text) => {
  if (text.length > 253) return tooLong(253);
  if (text === "." || text === ".." || text.startsWith("..")) return "it must not be '.' or start with '..'";
  if (CONFIG_KEY.test(text)) return null;
  return "a valid config key must consist of alphanumeric characters, '-', '_' or '.'";
};

/** The candidate nearest to a misspelt word, by edit distance; `undefined` when none is near. */
export function nearest(word: string, candidates: Iterable<string>): string | undefined {
  let best: string | undefined;
  let least = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (candidate.toLowerCase() === word.toLowerCase()) return candidate;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase(), least);
    if (distance < least) {
      least = distance;
      best = candidate;
    }
  }
  return best;
}

/** Damerau-Levenshtein distance (adjacent swaps count one), given up at `limit`. */
function editDistance(a: string, b: string, limit: number): number {
  if (Math.abs(a.length - b.length) >= limit) return limit;
  let before: number[] = [];
  let previous = Array.from({ length: b.length + 1 }, (_, at) => at);
  for (let i = 1; i <= a.length; i++) {
    const row = [i];
    for (let j = 1; j <= b.length; j++) {
      const cost = a[i - 1] === b[j - 1] ? 0 : 1;
      let value = Math.min((previous[j] ?? 0) + 1, (row[j - 1] ?? 0) + 1, (previous[j - 1] ?? 0) + cost);
      if (i > 1 && j > 1 && a[i - 1] === b[j - 2] && a[i - 2] === b[j - 1])
        value = Math.min(value, (before[j - 2] ?? 0) + 1);
      row.push(value);
    }
    before = previous;
    previous = row;
  }
  return previous[b.length] ?? limit;
}
