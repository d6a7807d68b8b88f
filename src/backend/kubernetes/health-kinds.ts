/** Kinds that are followed beside a kind of workload, as its health is read from them. */
import { type KindQuery, kindKey } from "./resource.ts";

const POD: KindQuery = { group: "", kind: "Pod" };
const EVENT: KindQuery = { group: "", kind: "Event" };
const REPLICA_SET: KindQuery = { group: "apps", kind: "ReplicaSet" };
const SCALER: KindQuery = { group: "autoscaling", kind: "HorizontalPodAutoscaler" };
const JOB: KindQuery = { group: "batch", kind: "Job" };

const BESIDE: Readonly<Record<string, readonly KindQuery[]>> = {
  "apps/Deployment": [REPLICA_SET, POD, EVENT, SCALER],
  "apps/ReplicaSet": [POD, EVENT, SCALER],
  "apps/StatefulSet": [POD, EVENT, SCALER],
  "apps/DaemonSet": [POD, EVENT],
  "batch/Job": [POD, EVENT],
  "batch/CronJob": [JOB, POD, EVENT],
};

export function kindsBeside(kind: KindQuery): readonly KindQuery[] {
  return BESIDE[kindKey(kind)] ?? [];
}

/** What the server is to leave out of a kind: of events, what is no warning tells nothing about health. */
export function selectorOf(kind: KindQuery): string | undefined {
  return kindKey(kind) === kindKey(EVENT) ? "type=Warning" : undefined;
}
