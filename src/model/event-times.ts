/** When an event was seen and how often, whichever of the two ways its reporter writes that. Pure. */
import type { KubeEvent } from "./workload.ts";

export interface EventTimes {
  /** RFC 3339; "" when the event does not say. */
  first: string;
  last: string;
  /** >= 1 */
  count: number;
}

/** `events.k8s.io` writes `eventTime` and `series` where the older form has timestamps and a count: the scheduler does. */
export function timesOf(event: KubeEvent): EventTimes {
  const { series, eventTime, metadata } = event;
  const first = event.firstTimestamp || eventTime || metadata.creationTimestamp || "";
  const last = event.lastTimestamp || series?.lastObservedTime || first;
  return { first, last, count: event.count || series?.count || 1 };
}

/** Who reported it. */
export function reporterOf({ source, reportingComponent }: KubeEvent): string {
  return source?.component || reportingComponent || "";
}

/** The latest warning about an object, by its uid, or by its name where the event has none. */
export function latestWarning(
  about: { metadata: KubeEvent["metadata"]; kind: string },
  events: readonly KubeEvent[],
): KubeEvent | undefined {
  const { uid, name, namespace = "default" } = about.metadata;
  let latest: KubeEvent | undefined;
  for (const event of events) {
    const { involvedObject } = event;
    if (event.type !== "Warning" || involvedObject.kind !== about.kind) continue;
    const isAbout =
      involvedObject.uid === undefined
        ? involvedObject.name === name && involvedObject.namespace === namespace
        : involvedObject.uid === uid;
    if (isAbout && (latest === undefined || timesOf(latest).last <= timesOf(event).last)) latest = event;
  }
  return latest;
}
