/** Cron expressions as Kubernetes' CronJobs read them: five fields, or a word such as @daily. */

interface Bounds {
  name: string;
  min: number;
  max: number;
  names?: readonly string[];
}

const FIELDS: readonly Bounds[] = [
  { name: "minute", min: 0, max: 59 },
  { name: "hour", min: 0, max: 23 },
  { name: "day of the month", min: 1, max: 31 },
  {
    name: "month",
    min: 1,
    max: 12,
    names: ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"],
  },
  { name: "day of the week", min: 0, max: 6, names: ["sun", "mon", "tue", "wed", "thu", "fri", "sat"] },
];
const DESCRIPTORS = ["@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly"];
/** A duration as Go writes it: `1h30m`, `1.5h`. */
const DURATION = /^[-+]?(?:0|(?:(?:\d+\.?\d*|\.\d+)(?:ns|us|µs|μs|ms|s|m|h))+)$/;
/** Most days that each month has, in a leap year. */
const LONGEST = [31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];

export interface CronFault {
  /** Clause for a sentence: "it must …". */
  clause: string;
  hint?: string;
}

/** What is wrong with a schedule; `null` when nothing is. */
export function checkCron(schedule: string): CronFault | null {
  if (schedule.includes("TZ")) {
    return { clause: "it may not hold TZ or CRON_TZ", hint: "Name the time zone in spec.timeZone." };
  }
  const text = schedule.replace(/^ +| +$/g, "");
  if (schedule.startsWith("@")) return checkDescriptor(schedule);
  const parts = text === "" ? [] : text.split(/\s+/).filter((part) => part !== "");
  if (parts.length !== FIELDS.length) {
    const seconds = parts.length === 6 ? " There is none for seconds." : "";
    return {
      clause: `it must have exactly 5 fields, not ${parts.length}`,
      hint: `They are minute, hour, day of the month, month, day of the week.${seconds}`,
    };
  }
  for (const [at, bounds] of FIELDS.entries()) {
    const wrong = checkField(parts[at] ?? "", bounds);
    if (wrong !== null) return wrong;
  }
  return null;
}

/** Whether a sound schedule names only days that no month has, such as 31 February: it would never come. */
export function neverComes(schedule: string): boolean {
  const [, , days = "*", months = "*", weekdays = "*"] = schedule.trim().split(/\s+/);
  // Where both days are given, either of the two is enough.
  if (schedule.startsWith("@") || /^[*?]/.test(days) || !/^[*?]/.test(weekdays)) return false;
  const [, , dayBounds, monthBounds] = FIELDS;
  if (dayBounds === undefined || monthBounds === undefined) return false;
  const least = Math.min(...valuesOf(days, dayBounds));
  return valuesOf(months, monthBounds).every((month) => least > (LONGEST[month - 1] ?? 31));
}

function checkDescriptor(text: string): CronFault | null {
  if (DESCRIPTORS.includes(text)) return null;
  if (text.startsWith("@every ")) {
    if (DURATION.test(text.slice("@every ".length))) return null;
    return { clause: "@every must be followed by a duration", hint: "Such as @every 1h30m." };
  }
  return { clause: `it must be one of ${DESCRIPTORS.join(", ")} or @every` };
}

function checkField(text: string, bounds: Bounds): CronFault | null {
  for (const part of text.split(",")) {
    // An empty part counts for nothing, as in "1,,2".
    const wrong = part === "" ? null : checkRange(part, bounds);
    if (wrong !== null) return wrong;
  }
  return null;
}

function checkRange(text: string, bounds: Bounds): CronFault | null {
  const { name } = bounds;
  const [range = "", step, ...more] = text.split("/");
  if (more.length > 0) return { clause: `the ${name} must have at most one slash in "${text}"` };
  const wrong = /^[*?](?:-|$)/.test(range) ? null : checkEnds(range, bounds);
  if (wrong === null && step !== undefined && !(/^\+?\d+$/.test(step) && Number(step) > 0)) {
    return { clause: `the step of the ${name} must be a positive number, not "${step}"` };
  }
  return wrong;
}

function checkEnds(range: string, bounds: Bounds): CronFault | null {
  const { name, min, max } = bounds;
  const [first = "", last, ...rest] = range.split("-");
  if (rest.length > 0) return { clause: `the ${name} must have at most one hyphen in "${range}"` };
  const from = numberOf(first, bounds);
  const to = last === undefined ? from : numberOf(last, bounds);
  if (from === undefined) return notANumber(first, bounds);
  if (to === undefined) return notANumber(last ?? "", bounds);
  for (const end of [from, to]) if (end < min || end > max) return outside(end, bounds);
  return from > to ? { clause: `the ${name} must not begin after its end: ${from} is beyond ${to}` } : null;
}

function notANumber(text: string, { name, names, min, max }: Bounds): CronFault {
  const or = names === undefined ? "" : ` or a name (${names.join(", ")})`;
  return { clause: `the ${name} must be a number from ${min} to ${max}${or}, not "${text}"` };
}

function outside(value: number, { name, min, max }: Bounds): CronFault {
  const clause = `the ${name} must be from ${min} to ${max}, not ${value}`;
  return name === "day of the week" && value === 7 ? { clause, hint: "Sunday is 0." } : { clause };
}

function numberOf(text: string, { names, min }: Bounds): number | undefined {
  const at = names?.indexOf(text.toLowerCase()) ?? -1;
  if (at >= 0) return at + min;
  return /^\+?\d{1,9}$/.test(text) ? Number(text) : undefined;
}

/** The values that a sound field names. */
function valuesOf(text: string, bounds: Bounds): number[] {
  return text.split(",").flatMap((part) => {
    if (part === "") return [];
    const [range = "", step] = part.split("/");
    const [first = "", last] = range.split("-");
    const every = first === "*" || first === "?";
    const from = every ? bounds.min : (numberOf(first, bounds) ?? bounds.min);
    // "3/5" goes on to the end.
    const end = last === undefined ? (step === undefined ? from : bounds.max) : numberOf(last, bounds);
    const to = every ? bounds.max : (end ?? bounds.max);
    const by = Number(step ?? 1);
    return Array.from({ length: Math.floor((to - from) / by) + 1 }, (_, at) => from + at * by);
  });
}
