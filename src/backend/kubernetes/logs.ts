/** Logs of a pod's container, as the API server passes them on from the node. */
import type { LogQuery } from "../../model/backend.ts";
import { TrueupError } from "../../model/errors.ts";
import type { KubeApi, KubeCall } from "../../model/kube-api.ts";
import { displayId, type KubeObject } from "../../model/object.ts";
import { type KubeResource, pathOf } from "./resource.ts";
import { statusOf } from "./status.ts";

const PODS: KubeResource = { group: "", version: "v1", kind: "Pod", plural: "pods", namespaced: true, verbs: [] };
/** By which a pod says whose logs are meant when nobody says it. */
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/**
 * @param live The pod as far as it is known: of several containers the one that kubectl would show is taken
 * @throws {TrueupError} `not-found` when there is no such pod, container or earlier run, `unavailable` when it has not run yet
 */
export async function* podLogs(
  api: KubeApi,
  { namespace, pod, container, follow = false, tail, previous = false }: LogQuery,
  live: KubeObject | undefined,
  signal: AbortSignal,
): AsyncGenerator<string> {
  const query = {
    container: container ?? defaultContainer(live),
    follow: follow || undefined,
    tailLines: tail,
    previous: previous || undefined,
  };
  try {
    // A kubelet answers with the first line, which of one that is followed may come in an hour.
    const call: KubeCall = { method: "GET", path: `${pathOf(PODS, namespace, pod)}/log`, query, isSilent: follow };
    yield* api.lines(call, signal);
  } catch (error) {
    throw explain(error, displayId({ group: "", kind: "Pod", namespace, name: pod }));
  }
}

function defaultContainer(pod: KubeObject | undefined): string | undefined {
  const spec = pod?.spec as { containers?: { name: string }[] } | undefined;
  const names = (spec?.containers ?? []).map(({ name }) => name);
  const named = pod?.metadata.annotations?.[DEFAULT_CONTAINER];
  return named !== undefined && names.includes(named) ? named : names[0];
}

/** What API server and kubelet say, with 400, of a container that has not run yet: it may, soon. */
const NOT_YET = /is waiting to start|does not have a host assigned/;
/** And of what is not there. */
const NOT_THERE = /is not valid for pod|previous terminated container .* not found/;

function explain(error: unknown, pod: string): unknown {
  const status = statusOf(error);
  if (status === null || (status.code !== 400 && status.code !== 404)) return error;
  const { message } = status;
  if (status.code === 404 && status.details.kind === "pods") {
    return new TrueupError("not-found", `Cannot show logs of ${pod} as it must exist: it does not.`, { cause: error });
  }
  const said = `Cannot show logs of ${pod} as its container must have run: the API server says "${message}".`;
  if (NOT_YET.test(message)) return new TrueupError("unavailable", said, { cause: error });
  return status.code === 404 || NOT_THERE.test(message) ? new TrueupError("not-found", said, { cause: error }) : error;
}
