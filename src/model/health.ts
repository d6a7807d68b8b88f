/** How an object does, in one word and a reason. */

/** Worst last, so that the health of a group is the highest of its members'. */
export const HEALTH_ORDER = ["Healthy", "Suspended", "Progressing", "Missing", "Degraded", "Unknown"] as const;
export type HealthStatus = (typeof HEALTH_ORDER)[number];

export interface Health {
  status: HealthStatus;
  /** Why, from as deep as is known: `pod web-5d4-x2x8z: container web: exit code 1`. Empty when Healthy. */
  reason: string;
}

/** The worst of some healths; Healthy when there are none. */
export function worstHealth(healths: readonly Health[]): Health {
  return healths.reduce<Health>(
    (worst, health) => (HEALTH_ORDER.indexOf(health.status) > HEALTH_ORDER.indexOf(worst.status) ? health : worst),
    { status: "Healthy", reason: "" },
  );
}
