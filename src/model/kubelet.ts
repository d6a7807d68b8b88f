/** What the daemon and the kubelet say to each other. The kubelet outlives the daemon, so all of it is idempotent. */
import type { ImageResolution } from "./image.ts";
import type { Pod, PodStatus } from "./workload.ts";

/** A pod to run, with all that it refers to, so that the kubelet needs nobody to restart a container. */
export interface PodAssignment {
  pod: Pod;
  /** By container name, init containers included. */
  images: Record<string, ImageResolution>;
  /** Data of the ConfigMaps that the pod names, by name; `null` when there is none of that name. */
  configMaps: Record<string, Record<string, string> | null>;
  /** As `configMaps`, values decoded. */
  secrets: Record<string, Record<string, string> | null>;
  /** `<NAME>_SERVICE_HOST` and the like, for the Services of the pod's namespace. */
  serviceEnv: Record<string, string>;
}

export interface ServicePortAssignment {
  name: string;
  /** The Service's own port. */
  port: number;
  targetPort: number | string;
  /** Whether requests, rather than connections, are balanced. */
  protocol: "http" | "tcp";
  /** Local port to answer on if it is free, and where the search for a free one starts; 0: any. */
  preferredLocalPort: number;
}

/** A Service to answer for. The kubelet finds the endpoints itself: ready, not terminating pods that match. */
export interface ServiceAssignment {
  uid: string;
  namespace: string;
  name: string;
  selector: Record<string, string>;
  ports: ServicePortAssignment[];
  /** `publishNotReadyAddresses`: pods that are not ready count too. */
  includeNotReady: boolean;
}

export type KubeletReportBody =
  | {
      type: "pod-status";
      uid: string;
      namespace: string;
      name: string;
      status: PodStatus;
      /** Container port to local port. */
      hostPorts: Record<string, number>;
    }
  /** All containers have ended and the pod's resources are released: its object may go. */
  | { type: "pod-gone"; uid: string; namespace: string; name: string }
  | {
      type: "pod-event";
      uid: string;
      namespace: string;
      name: string;
      eventType: "Normal" | "Warning";
      reason: string;
      message: string;
    }
  /** Service port (as text) to the local port that trueup answers on. */
  | { type: "service-ports"; uid: string; namespace: string; name: string; localPorts: Record<string, number> };

/** Reports are numbered without gaps within a kubelet's state directory and kept until they are acknowledged. */
export type KubeletReport = KubeletReportBody & {
  seq: number;
  /** RFC 3339, UTC, with milliseconds. */
  at: string;
};

export interface KubeletPodSummary {
  uid: string;
  namespace: string;
  name: string;
  terminating: boolean;
}

export interface KubeletLogQuery {
  uid: string;
  container?: string;
  follow?: boolean;
  tail?: number;
  previous?: boolean;
}

/** The daemon's view of a kubelet: in the same process (simulated runtime, tests) or over its socket. */
export interface Kubelet {
  /** Runs a pod, or brings a known one up to date: images that were missing, configuration for its next container start. */
  assign(assignment: PodAssignment): Promise<void>;
  /** Ends a pod: out of the Services, preStop, SIGTERM, and SIGKILL after the grace period. Unknown uids are reported gone. */
  stop(uid: string, graceSeconds: number): Promise<void>;
  /** Answers for exactly these Services. */
  serve(services: ServiceAssignment[]): Promise<void>;
  pods(): Promise<KubeletPodSummary[]>;
  /** Reports after `seq`, those already there and those to come, until the signal ends it. */
  reports(after: number, signal: AbortSignal): AsyncIterable<KubeletReport>;
  /** Reports up to `seq` are stored and may be forgotten. */
  acknowledge(seq: number): Promise<void>;
  logs(query: KubeletLogQuery, signal: AbortSignal): AsyncIterable<string>;
}
