/** Facts read back from their canonical contents. Pure. */

import type {
  Attempt,
  AttemptEnding,
  AttemptEvent,
  AttemptKey,
  AttemptOpening,
  Revision,
  RevisionEnding,
} from "../model/ledger.ts";
import { asCommitId } from "../model/source.ts";
import { parseRecord } from "../util/json.ts";
import type { Anchor, RevisionKey } from "./chain.ts";

/** Any content, as far as other facts are found by it. */
export type Content = Readonly<Record<string, unknown>>;

/** @throws {RangeError} When it is no JSON object */
export function parseContent(content: string): Content {
  const value = parseRecord(content);
  if (value === null) throw new RangeError("Cannot read a fact as it must be a JSON object: it is not");
  return value;
}

/** @throws {RangeError} When it names no attempt */
export function attemptKeyOf({ app, target, commit, ordinal }: Content): AttemptKey {
  return { app: String(app), target: String(target), commit: asCommitId(String(commit)), ordinal: Number(ordinal) };
}

export function revisionKeyOf({ app, target, uid, revision }: Content): RevisionKey {
  return { app: String(app), target: String(target), uid: String(uid), revision: Number(revision) };
}

export function openingOf(content: string): AttemptOpening {
  return parseContent(content) as unknown as AttemptOpening;
}

export function eventOfContent(content: string): AttemptEvent {
  const { attempt: _attempt, ...event } = parseContent(content);
  return event as unknown as AttemptEvent;
}

export function endingOfContent(content: string): AttemptEnding {
  const { attempt: _attempt, ...ending } = parseContent(content);
  return ending as unknown as AttemptEnding;
}

export function revisionOfContent(content: string): Revision {
  return parseContent(content) as unknown as Revision;
}

export function revisionEndingOfContent(content: string): RevisionEnding {
  const { revision: _revision, ...ending } = parseContent(content);
  return ending as unknown as RevisionEnding;
}

export function anchorOfContent(content: string): Anchor {
  return parseContent(content) as unknown as Anchor;
}

/** An attempt of the contents of its opening, its events in their order, and its ending if it has one. */
export function attemptOfContents(
  row: number,
  opening: string,
  events: readonly string[],
  ending: string | undefined,
): Attempt {
  return {
    ...openingOf(opening),
    row,
    events: events.map(eventOfContent),
    ...(ending !== undefined && { ending: endingOfContent(ending) }),
  };
}

/** When a fact was written, RFC 3339; `null` for a content that says no time. */
export function timeOf(content: Content): string | null {
  const at = content.at ?? content.endedAt ?? content.openedAt ?? content.startedAt ?? content.removedAt;
  return typeof at === "string" ? at : null;
}
