/** Keeps one app true to git: the loop around the passes. */
import { TrueupError } from "../model/errors.ts";
import type { AppStatus } from "../model/status.ts";
import type { AppReconcilerOptions, PlanOutcome } from "./types.ts";

export type { AppConfig, AppReconcilerOptions, PlanOutcome, ReconcileLog } from "./types.ts";

export class AppReconciler {
  readonly #options: AppReconcilerOptions;

  constructor(options: AppReconcilerOptions) {
    this.#options = options;
  }

  /** Takes up what is under way and begins to follow the ref. Resolves when it runs; failures show in the status. */
  async start(): Promise<void> {
    throw unfinished();
  }

  /** Ends the loop, leaving everything as it is. */
  async close(): Promise<void> {}

  /** The ref may have moved: look. */
  refChanged(): void {}

  status(): AppStatus {
    throw unfinished();
  }

  /** Calls the listener after each change of `status()`; returns what ends that. */
  onChange(_listener: () => void): () => void {
    return () => {};
  }

  /** Plans at a revision (the head when absent) against what is observed. Changes nothing. */
  async plan(_revision: string | undefined, _signal: AbortSignal): Promise<PlanOutcome> {
    throw unfinished();
  }

  /** Resolves when the attempt at the present head has ended, or is held. */
  async settled(): Promise<AppStatus> {
    return this.status();
  }

  get app(): string {
    return this.#options.app.name;
  }
}

function unfinished(): TrueupError {
  return new TrueupError("internal", "Cannot reconcile as this is not built yet");
}
