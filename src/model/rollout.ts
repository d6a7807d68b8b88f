/** Types of the rollout arithmetic and of a forecast. */

/** maxSurge and maxUnavailable as counts of pods. */
export interface RollingLimits {
  maxSurge: number;
  maxUnavailable: number;
}

/** What a rollout looks like from outside at one moment. */
export interface RolloutSample {
  /** Milliseconds since the rollout began. */
  atMs: number;
  /** What happened: `Scaled up replica set web-5d4 from 0 to 1`, `pod web-5d4-x2x8z is ready`. */
  message: string;
  /** Pods that are not terminating. */
  pods: number;
  available: number;
}

export interface RolloutForecast {
  samples: RolloutSample[];
  peakPods: number;
  lowestAvailable: number;
  durationMs: number;
  outcome: "complete" | "stuck";
  /** Why it is stuck, "" when complete. */
  reason: string;
}
