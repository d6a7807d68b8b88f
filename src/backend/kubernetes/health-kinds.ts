/** Kinds that are followed beside a kind of workload, as its health is read from them. */
import { type KindQuery, kindKey } from "./resource.ts";

const POD: KindQuery = { group: "", kind: "Pod" };
/** What a pod says at its end may quote any Secret of its namespace, also one that no app declares: none must show in a reason. */
const SECRET: KindQuery = { group: "", kind: "Secret" };
const EVENT: KindQuery = { group: "", kind: "Event" };
const REPLICA_SET: KindQuery = { group: "apps", kind: "ReplicaSet" };
const SCALER: KindQuery = { group: "autoscaling", kind: "HorizontalPodAutoscaler" };
const JOB: KindQuery = { group: "batch", kind: "Job" };

const BESIDE: Readonly<Record<string, readonly KindQuery[]>> = {
  "apps/Deployment": [REPLICA_SET, POD, SECRET, EVENT, SCALER],
  "apps/ReplicaSet": [POD, SECRET, EVENT, SCALER],
  "apps/StatefulSet": [POD, SECRET, EVENT, SCALER],
  "apps/DaemonSet": [POD, SECRET, EVENT],
  "batch/Job": [POD, SECRET, EVENT],
  "batch/CronJob": [JOB, POD, SECRET, EVENT],
};

export function kindsBeside(kind: KindQuery): readonly KindQuery[] {
  return BESIDE[kindKey(kind)] ?? [];
}

/** What the server is to leave out of a kind: of events, what is no warning tells nothing about health. */
export function selectorOf(kind: KindQuery): string | undefined {
  return kindKey(kind) === kindKey(EVENT) ? "type=Warning" : undefined;
}
