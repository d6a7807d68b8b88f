/** Time zones by their names in the IANA database, as CronJobs name them. */

export interface ZoneFault {
  /** Clause for a sentence: "it must …". */
  clause: string;
  hint?: string;
}

const MUST = "it must be a time zone of the IANA database";
const FORM = /^[A-Za-z._0-9+][-A-Za-z._0-9+]*(?:\/[A-Za-z._0-9+][-A-Za-z._0-9+]*)*$/;
/** Loading a zone takes a fraction of a millisecond, and few are ever named. */
const known = new Map<string, ZoneFault | null>();
const MOST_KNOWN = 1_000;

/** What is wrong with a time zone's name; `null` when nothing is. */
export function checkTimeZone(name: string): ZoneFault | null {
  const seen = known.get(name);
  if (seen !== undefined) return seen;
  const fault = faultOf(name);
  // Names come from repositories: what is kept is bounded.
  if (known.size < MOST_KNOWN) known.set(name, fault);
  return fault;
}

function faultOf(name: string): ZoneFault | null {
  const example = { clause: MUST, hint: "Such as Europe/Berlin or Etc/UTC." };
  // The machine's own zone and offsets are no names; the machine that reads them is not known here.
  if (!FORM.test(name) || /^[-+\d]/.test(name) || name.toLowerCase() === "local") return example;
  const canonical = canonicalName(name);
  if (canonical === undefined) return example;
  const onlyCaseDiffers = canonical.toLowerCase() === name.toLowerCase() && canonical !== name;
  return onlyCaseDiffers ? { clause: MUST, hint: `Did you mean ${canonical}?` } : null;
}

function canonicalName(name: string): string | undefined {
  try {
    return new Intl.DateTimeFormat("en", { timeZone: name }).resolvedOptions().timeZone;
  } catch (error) {
    if (error instanceof RangeError) return undefined;
    throw error;
  }
}
