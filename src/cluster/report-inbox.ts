/** Takes a kubelet's numbered reports, writes the effects of many in one transaction, and acknowledges them afterwards. */
import type { Kubelet, KubeletReport } from "../model/kubelet.ts";
import type { EventRecorder } from "../model/store.ts";
import type { CancelTimer, Clock } from "../util/clock.ts";
import { applyReport } from "./node-reports.ts";
import { META_LAST_REPORT } from "./state-file.ts";
import type { SqliteObjectStore } from "./store.ts";

export interface ReportInboxOptions {
  store: SqliteObjectStore;
  events: EventRecorder;
  kubelet: Kubelet;
  clock: Clock;
  onError: (error: unknown) => void;
  /** Hears of a pod that the kubelet has no longer, before its object goes. */
  onGone: (uid: string) => void;
  /** Hears when the kubelet did not take an acknowledgement, or when reports are missing. */
  onLost: (error: unknown) => void;
}

export class ReportInbox {
  readonly #options: ReportInboxOptions;
  #waiting: KubeletReport[] = [];
  #cancel: CancelTimer | null = null;

  constructor(options: ReportInboxOptions) {
    this.#options = options;
  }

  /** Number of the last report whose effect is stored; 0 before the first. */
  get last(): number {
    return Number(this.#options.store.meta(META_LAST_REPORT) ?? 0);
  }

  /** Starts over with a kubelet that has forgotten its numbers: its state directory is new. */
  reset(): void {
    this.#waiting = [];
    this.#options.store.setMeta(META_LAST_REPORT, "0");
  }

  add(report: KubeletReport): void {
    this.#waiting.push(report);
    this.#cancel ??= this.#options.clock.setTimer(0, () => this.#drain());
  }

  /** Forgets what was not written: it will be sent again. */
  clear(): void {
    this.#waiting = [];
    this.#cancel?.();
    this.#cancel = null;
  }

  #drain(): void {
    this.#cancel = null;
    const { store, onLost } = this.#options;
    const batch = this.#waiting;
    this.#waiting = [];
    const before = this.last;
    let last = before;
    let missing = false;
    try {
      store.transaction(() => {
        for (const report of batch) {
          // Sent again after a lost acknowledgement: its effect is there.
          if (report.seq <= last) continue;
          if (report.seq !== last + 1 && last !== 0) missing = true;
          this.#apply(report);
          last = report.seq;
        }
        store.setMeta(META_LAST_REPORT, String(last));
      });
      store.flush();
    } catch (error) {
      onLost(error);
      return;
    }
    if (last !== 0) this.#options.kubelet.acknowledge(last).catch(onLost);
    if (missing) onLost(new Error(`reports between ${before} and ${last} are missing`));
  }

  /** A report that cannot be applied must not stop those after it. */
  #apply(report: KubeletReport): void {
    const { store, events, onError, onGone } = this.#options;
    try {
      if (report.type === "pod-gone") onGone(report.uid);
      store.transaction(() => applyReport(store, events, report));
    } catch (error) {
      onError(error);
    }
  }
}
