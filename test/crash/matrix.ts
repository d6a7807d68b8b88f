/** Kills at the moments of a story, and compares each run with the one that nobody disturbed. */
import type { History } from "./history.ts";
import type { Kill, Kind, Moment, Victim } from "./machine.ts";
import { type Outcome, play } from "./story.ts";

/** Every kind of effect; a story that has none of one proves nothing about it. */
export const KINDS: readonly Kind[] = [
  "ref update",
  "store write",
  "ledger append",
  "image laid down",
  "image index",
  "journal",
  "pod record",
  "services file",
  "spawn",
  "signal",
  "endpoint change",
];

export const VICTIMS: readonly (readonly Victim[])[] = [["daemon"], ["kubelet"], ["daemon", "kubelet"]];

/** How many effects of each kind there are. */
export function countKinds(moments: readonly Moment[]): Record<Kind, number> {
  const counts = Object.fromEntries(KINDS.map((kind) => [kind, 0])) as Record<Kind, number>;
  for (const { when, kind } of moments) if (when === "before") counts[kind]++;
  return counts;
}

/** A kill of these at each moment. */
export function allKills(moments: readonly Moment[], victims: readonly Victim[]): Kill[] {
  return moments.map((_, moment) => ({ moment, victims }));
}

/** Every so manieth of them, and the first before and after each kind of effect. The same ones each time. */
export function sampleKills(moments: readonly Moment[], victims: readonly Victim[], every: number): Kill[] {
  const seen = new Set<string>();
  return allKills(moments, victims).filter(({ moment }) => {
    const { when, kind } = moments[moment] as Moment;
    const isFirst = !seen.has(`${when} ${kind}`);
    seen.add(`${when} ${kind}`);
    return isFirst || moment % every === 0;
  });
}

/** Each kill with a second one while the next process takes up what the first one left. */
export function twice(kills: readonly Kill[]): Kill[][] {
  return kills.map((kill, index) => [kill, { moment: kill.moment + 1 + ((index * 7) % 23), victims: kill.victims }]);
}

/**
 * The one outcome that differs, and may: a kubelet that died after it had recorded a start and before it made it leaves a
 * container of which nobody can say whether it ran. The next kubelet says so, counts a restart, and starts it.
 */
export const LOST_START =
  /"lastState":\{"terminated":\{[^{}]*"ContainerStatusUnknown"[^{}]*\}\},("name":"web","ready":true),"restartCount":1/;

/** As if the container had not been counted as restarted. */
export function withoutLostStart(object: string): string {
  return object.replace(LOST_START, '"lastState":{},$1,"restartCount":0');
}

function mayLoseStart({ moments }: Outcome, kills: readonly Kill[]): boolean {
  return kills.some(({ moment, victims }) => {
    const { when, kind } = moments[moment] ?? {};
    const isBetween = (when === "after" && kind === "pod record") || (when === "before" && kind === "spawn");
    return isBetween && victims.includes("kubelet");
  });
}

/** What is wrong with a run that kills disturbed; empty when it came out as the undisturbed one. */
export function differences(disturbed: Outcome, undisturbed: Outcome, kills: readonly Kill[]): string[] {
  const found = [...disturbed.violations];
  if (!disturbed.hasKilled) found.push("nothing was killed");
  if (disturbed.starts !== undisturbed.starts) {
    found.push(`${disturbed.starts} containers were started instead of ${undisturbed.starts}`);
  }
  const isExcused = mayLoseStart(disturbed, kills);
  const objects = isExcused ? disturbed.objects.map(withoutLostStart) : disturbed.objects;
  return [
    ...found,
    ...compare("objects", undisturbed.objects, objects),
    ...compare("ledger", undisturbed.ledger, disturbed.ledger),
  ];
}

function compare(what: string, wanted: readonly string[], found: readonly string[]): string[] {
  const [before, after] = [new Set(wanted), new Set(found)];
  const more = found.length - wanted.length;
  return [
    ...(more === 0 ? [] : [`${what}: ${Math.abs(more)} ${more > 0 ? "more" : "fewer"} than undisturbed`]),
    ...[...before.difference(after)].map((each) => `missing: ${each}`),
    ...[...after.difference(before)].map((each) => `instead: ${each}`),
  ];
}

/** Plays the story once for each list of kills. @returns What was wrong, with the kills in words and by number */
export async function playKills(
  history: History,
  undisturbed: Outcome,
  lists: readonly (readonly Kill[])[],
): Promise<{ killed: string; wrong: string[] }[]> {
  const failures: { killed: string; wrong: string[] }[] = [];
  for (const kills of lists) {
    const outcome = await play(history, kills);
    const wrong = differences(outcome, undisturbed, kills);
    if (wrong.length > 0) failures.push({ killed: kills.map((kill) => inWords(kill, outcome)).join(", then "), wrong });
  }
  return failures;
}

function inWords({ moment, victims }: Kill, { moments }: Outcome): string {
  const { when, kind, about } = moments[moment] ?? {};
  return `${victims.join(" and ")} ${when} ${kind} (${about}), moment ${moment}`;
}
