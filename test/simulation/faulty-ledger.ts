/** The ledger as a daemon sees it in bad weather: calls fail, or are carried out and not answered. */
import type { Attempt, AttemptEnding, AttemptEvent, AttemptKey, Ledger } from "../../src/model/ledger.ts";
import { broken, type Weather } from "./weather.ts";

export interface LedgerHooks {
  isDead(): boolean;
  /** A place at which a daemon can be killed. */
  step(): void;
  opened(key: AttemptKey): void;
  told(key: AttemptKey, event: AttemptEvent): void;
  ended(key: AttemptKey, ending: AttemptEnding): void;
}

export class FaultyLedger implements Ledger {
  readonly #inner: Ledger;
  readonly #weather: Weather;
  readonly #hooks: LedgerHooks;

  constructor(inner: Ledger, weather: Weather, hooks: LedgerHooks) {
    this.#inner = inner;
    this.#weather = weather;
    this.#hooks = hooks;
  }

  open(attempt: Parameters<Ledger["open"]>[0]): Promise<number> {
    return this.#write(
      () => this.#inner.open(attempt),
      () => this.#hooks.opened(attempt),
    );
  }

  event(key: AttemptKey, event: AttemptEvent): Promise<void> {
    return this.#write(
      () => this.#inner.event(key, event),
      () => this.#hooks.told(key, event),
    );
  }

  end(key: AttemptKey, ending: AttemptEnding): Promise<void> {
    return this.#write(
      () => this.#inner.end(key, ending),
      () => this.#hooks.ended(key, ending),
    );
  }

  startRevision(revision: Parameters<Ledger["startRevision"]>[0]): Promise<void> {
    return this.#write(() => this.#inner.startRevision(revision));
  }

  endRevision(...args: Parameters<Ledger["endRevision"]>): Promise<void> {
    return this.#write(() => this.#inner.endRevision(...args));
  }

  attempts(query: Parameters<Ledger["attempts"]>[0]): Promise<Attempt[]> {
    return this.#read(() => this.#inner.attempts(query));
  }

  revisions(query: Parameters<Ledger["revisions"]>[0]): ReturnType<Ledger["revisions"]> {
    return this.#read(() => this.#inner.revisions(query));
  }

  imageDigest(...args: Parameters<Ledger["imageDigest"]>): ReturnType<Ledger["imageDigest"]> {
    return this.#read(() => this.#inner.imageDigest(...args));
  }

  async #read<T>(work: () => Promise<T>): Promise<T> {
    this.#require();
    if (this.#weather.hits("ledger fails")) throw broken("read the ledger", "io");
    return work();
  }

  async #write<T>(work: () => Promise<T>, written: () => void = () => {}): Promise<T> {
    this.#hooks.step();
    this.#require();
    if (this.#weather.hits("ledger fails")) throw broken("write to the ledger", "io");
    const answer = await work();
    // Also when the daemon was killed since: the row is in what the next one finds.
    written();
    this.#require();
    this.#hooks.step();
    this.#require();
    if (this.#weather.hits("ledger unanswered")) throw broken("hear of the ledger", "io");
    return answer;
  }

  #require(): void {
    if (this.#hooks.isDead()) throw broken("go on after a kill");
  }
}
