/** The backend over the embedded cluster. */
import type { EmbeddedCluster } from "../cluster/cluster.ts";
import type {
  ApplyRequest,
  ApplyResult,
  Backend,
  BackendCapabilities,
  DeleteRequest,
  ListQuery,
  LogQuery,
  ObjectList,
  WatchEvent,
} from "../model/backend.ts";
import { TrueupError } from "../model/errors.ts";

function unfinished(): never {
  throw new TrueupError("internal", "Cannot use the embedded backend as it is not built yet");
}

export class EmbeddedBackend implements Backend {
  readonly capabilities: BackendCapabilities = {
    name: "embedded",
    cheapDryRun: true,
    localImages: true,
    followLogs: true,
    kinds: ["/ConfigMap", "/Namespace", "/Pod", "/Secret", "/Service", "apps/Deployment", "apps/ReplicaSet"],
  };
  readonly cluster: EmbeddedCluster;

  constructor(cluster: EmbeddedCluster) {
    this.cluster = cluster;
  }
  async list(_query: ListQuery, _signal: AbortSignal): Promise<ObjectList> {
    return unfinished();
  }
  watch(_query: ListQuery, _version: string, _signal: AbortSignal): AsyncIterable<WatchEvent> {
    return unfinished();
  }
  async dryRun(_request: ApplyRequest, _signal: AbortSignal): Promise<ApplyResult> {
    return unfinished();
  }
  async apply(_request: ApplyRequest, _signal: AbortSignal): Promise<ApplyResult> {
    return unfinished();
  }
  async delete(_request: DeleteRequest, _signal: AbortSignal): Promise<void> {
    return unfinished();
  }
  logs(_query: LogQuery, _signal: AbortSignal): AsyncIterable<string> {
    return unfinished();
  }
}
