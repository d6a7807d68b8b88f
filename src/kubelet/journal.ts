/** The kubelet's numbered reports: kept until acknowledged, numbered without gaps, also over restarts. */
import type { KubeletReport, KubeletReportBody } from "../model/kubelet.ts";
import { effect, type Fault } from "../util/fault.ts";
import { type JournalFile, type JournalImage, openJournalFile } from "./journal-file.ts";

/** Undelivered reports above this number are collapsed to the last status of each pod. */
const COLLAPSE_ABOVE = 5_000;

/** So many undelivered events are kept, the newest: a pod that fails for weeks while no daemon is there must not fill the disk. */
const EVENTS_KEPT = 10_000;

/** Acknowledged reports are dropped when there are so many, and they are at least half of all: the work is then linear. */
const DROP_ABOVE = 500;

export interface JournalOptions {
  /** Undelivered reports above this number are collapsed; 5,000 unless given. */
  collapseAbove?: number;
  /** Hears of every write to the file. */
  fault?: Fault;
}

/**
 * Appends, reads and forgets reports. A report is in the file before `append` returns and before a reader sees it, so a
 * number that was seen never means something else later.
 */
export class Journal {
  readonly #file: JournalFile | null;
  readonly #fault: Fault | undefined;
  /** Reports with numbers `#base + 1 …`. */
  #reports: KubeletReport[];
  #base: number;
  /** Highest number that a reader may have seen. */
  #delivered: number;
  /** Highest number that was acknowledged; such reports are dropped now and then, not one by one. */
  #acknowledged: number;
  readonly #collapseAbove: number;
  /** Number of unseen reports at which to collapse next: twice what the last time left, so that the work stays linear. */
  #collapseAt: number;
  readonly #waiting = new Set<() => void>();

  private constructor(
    file: JournalFile | null,
    image: JournalImage,
    { collapseAbove = COLLAPSE_ABOVE, fault }: JournalOptions,
  ) {
    this.#file = file;
    this.#fault = fault;
    this.#base = image.base;
    this.#reports = image.reports;
    this.#delivered = this.last;
    this.#acknowledged = image.base;
    this.#collapseAbove = collapseAbove;
    this.#collapseAt = collapseAbove;
  }

  /** A journal that ends with the process. */
  static inMemory(options: JournalOptions = {}): Journal {
    return new Journal(null, { base: 0, reports: [] }, options);
  }

  /** A journal in a file. A last line that a crash cut short is dropped: no reader has seen it. */
  static open(path: string, options: JournalOptions = {}): Journal {
    const { file, image } = openJournalFile(path);
    return new Journal(file, image, options);
  }

  /** Number of the newest report; 0 when there never was one. */
  get last(): number {
    return this.#base + this.#reports.length;
  }

  /** Numbers reports and keeps them; durable when it returns. */
  append(body: KubeletReportBody, at: string): KubeletReport {
    if (this.last - this.#delivered >= this.#collapseAt) this.#collapse();
    const report: KubeletReport = { ...body, seq: this.last + 1, at };
    effect(this.#fault, "journal", `${report.seq} ${report.type}`, () => this.#file?.append(report));
    this.#reports.push(report);
    for (const wake of [...this.#waiting]) wake();
    return report;
  }

  /** Reports after `seq` that are there, and marks them as seen. */
  after(seq: number): KubeletReport[] {
    this.#delivered = this.last;
    this.#collapseAt = this.#collapseAbove;
    return this.#reports.slice(Math.max(seq, this.#acknowledged) - this.#base);
  }

  /** Reports that are still wanted, oldest first. */
  unacknowledged(): KubeletReport[] {
    return this.#reports.slice(this.#acknowledged - this.#base);
  }

  /** Reports after `seq`, those there and those to come, until the signal ends it. */
  async *follow(seq: number, signal: AbortSignal): AsyncGenerator<KubeletReport> {
    let at = seq;
    while (!signal.aborted) {
      for (const report of this.after(at)) {
        if (signal.aborted) return;
        at = report.seq;
        yield report;
      }
      if (this.last <= at) await this.#grown(at, signal);
    }
  }

  /** Forgets reports up to `seq`. Numbers that do not exist yet are ignored. */
  acknowledge(seq: number): void {
    this.#acknowledged = Math.max(this.#acknowledged, Math.min(seq, this.last));
    const dropped = this.#acknowledged - this.#base;
    if (dropped < DROP_ABOVE || dropped * 2 < this.#reports.length) return;
    this.#reports.splice(0, dropped);
    this.#base += dropped;
    this.#rewrite();
  }

  /**
   * Goes on above `seq`, when a reader knows higher numbers than this journal: the machine went down before they
   * reached the disk. What is kept is dropped: the reader would take it for known.
   */
  skipTo(seq: number): void {
    if (seq <= this.last) return;
    this.#reports = [];
    this.#base = seq;
    this.#delivered = seq;
    this.#acknowledged = seq;
    this.#rewrite();
  }

  close(): void {
    this.#file?.close();
    for (const wake of [...this.#waiting]) wake();
  }

  /**
   * Among the reports nobody has seen, drops statuses that a later one of the same pod supersedes, and the oldest of too
   * many events; renumbers the rest.
   */
  #collapse(): void {
    const seen = this.#reports.filter((report) => report.seq <= this.#delivered);
    const unseen = this.#reports.slice(seen.length);
    const newest = new Map<string, number>();
    for (const report of unseen) if (report.type === "pod-status") newest.set(report.uid, report.seq);
    const events = unseen.filter(({ type }) => type === "pod-event");
    const firstEvent = events.at(-EVENTS_KEPT)?.seq ?? 0;
    const kept = unseen.filter(({ type, seq, ...rest }) => {
      if (type === "pod-event") return seq >= firstEvent;
      return type !== "pod-status" || newest.get("uid" in rest ? rest.uid : "") === seq;
    });
    this.#collapseAt = Math.max(this.#collapseAbove, kept.length * 2);
    if (kept.length === unseen.length) return;
    const from = this.#base + seen.length;
    this.#reports = [...seen, ...kept.map((report, index) => ({ ...report, seq: from + 1 + index }))];
    this.#rewrite();
  }

  #rewrite(): void {
    const image = { base: this.#base, reports: this.#reports };
    effect(this.#fault, "journal", `drop up to ${this.#base}`, () => this.#file?.rewrite(image));
  }

  #grown(seq: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const wake = (): void => {
        this.#waiting.delete(wake);
        signal.removeEventListener("abort", wake);
        resolve();
      };
      if (signal.aborted || this.last > seq) {
        resolve();
        return;
      }
      this.#waiting.add(wake);
      signal.addEventListener("abort", wake, { once: true });
    });
  }
}
