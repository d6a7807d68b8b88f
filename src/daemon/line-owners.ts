/** Places of a manifest with the commit that wrote them: one blame a file, however many places are asked for. */
import { blame, type LineRange } from "../git/blame.ts";
import type { Repository } from "../git/repository.ts";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { CommitId, CommitInfo, Location } from "../model/source.ts";
import type { Place } from "../why/types.ts";

export class LineOwners {
  readonly #repository: Repository;
  readonly #signal: AbortSignal;
  readonly #wanted = new Map<string, LineRange>();
  readonly #asked = new Map<string, Promise<Map<number, CommitId>>>();
  /** What could not be found out. */
  readonly notes: string[] = [];

  constructor(repository: Repository, signal: AbortSignal) {
    this.#repository = repository;
    this.#signal = signal;
  }

  /** Says that a place will be asked for, so that one blame covers all that are. */
  want(commit: CommitId, location: Location | undefined): void {
    if (location === undefined) return;
    const key = keyOf(commit, location.file);
    const { first, last } = linesOf(location);
    const known = this.#wanted.get(key);
    const range =
      known === undefined ? { first, last } : { first: Math.min(known.first, first), last: Math.max(known.last, last) };
    // A range that grew after its blame began is asked for again.
    if (known !== undefined && (range.first < known.first || range.last > known.last)) this.#asked.delete(key);
    this.#wanted.set(key, range);
  }

  /** The place as of a commit; of a value of several lines the newest writer counts. */
  async placeOf(commit: CommitId, location: Location): Promise<Place> {
    const { file, line, column } = location;
    const place: Place = { file, line, column };
    const owners = await this.#ownersOf(commit, file);
    const { first, last } = linesOf(location);
    const commits: CommitInfo[] = [];
    for (let at = first; at <= last; at++) {
      const id = owners.get(at);
      if (id !== undefined && !commits.some((each) => each.id === id)) commits.push(await this.#repository.commit(id));
    }
    const newest = commits.toSorted((a, b) =>
      a.committedAt < b.committedAt ? 1 : a.committedAt > b.committedAt ? -1 : 0,
    )[0];
    if (newest === undefined) return place;
    const { id, authorName: author, authoredAt, subject } = newest;
    return { ...place, commit: id, author, authoredAt, subject };
  }

  #ownersOf(commit: CommitId, file: string): Promise<Map<number, CommitId>> {
    const key = keyOf(commit, file);
    const asked = this.#asked.get(key) ?? this.#ask(commit, file, this.#wanted.get(key) ?? { first: 1, last: 1 });
    this.#asked.set(key, asked);
    return asked;
  }

  async #ask(commit: CommitId, file: string, range: LineRange): Promise<Map<number, CommitId>> {
    try {
      return await blame(this.#repository, commit, file, range, this.#signal);
    } catch (error) {
      if (!(error instanceof TrueupError) || this.#signal.aborted) throw error;
      this.notes.push(`it cannot be told who wrote ${file}: ${messageOf(error)}`);
      return new Map();
    }
  }
}

function keyOf(commit: CommitId, file: string): string {
  return `${commit}:${file}`;
}

/** A range that ends before the first column of a line does not reach into it. */
function linesOf({ line, end }: Location): LineRange {
  const last = end === undefined ? line : end.column <= 1 ? end.line - 1 : end.line;
  return { first: line, last: Math.max(line, last) };
}
