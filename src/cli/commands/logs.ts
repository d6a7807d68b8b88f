/** `trueup logs`: what a pod's container printed. */
import { isPodReady } from "../../model/endpoints.ts";
import { TrueupError } from "../../model/errors.ts";
import { type KubeObject, type LabelSelector, matchesSelector } from "../../model/object.ts";
import type { Pod } from "../../model/workload.ts";
import type { DaemonClient } from "../client.ts";
import type { Command, CommandContext } from "../command.ts";
import { findObject } from "../find-object.ts";
import { findKind, type ObjectName, readObjectName } from "../kinds.ts";
import { NAMESPACE_OPTION, namespaceOf } from "../options.ts";

export const command: Command = {
  options: [
    { flags: "-f, --follow", summary: "go on and print new lines as they come" },
    { flags: "-c, --container <name>", summary: "container to read, when the pod has several" },
    { flags: "--tail <lines>", summary: "only the last so many lines" },
    { flags: "-p, --previous", summary: "of the container's previous run" },
    NAMESPACE_OPTION,
  ],
  examples: [
    { line: "trueup logs web-5d4f8-x2x8z -f", does: "follow a pod" },
    { line: "trueup logs deployment/web --tail 20", does: "read one of its pods, a ready one if there is any" },
    { line: "trueup logs web-5d4f8-x2x8z --previous --tail 20", does: "the last words of a container that crashed" },
  ],
  async run(context, invocation) {
    const [word = ""] = invocation.args;
    const wanted = word.includes("/") ? readObjectName([word]) : { kind: findKind("pod"), name: word };
    if (!HAVE_PODS.includes(wanted.kind.kind)) {
      throw new TrueupError("usage", `Cannot show logs of ${word} as it must be a pod, or something that has pods.`, {
        hint: "trueup get pods lists them.",
      });
    }
    const namespace = namespaceOf(invocation);
    const tail = invocation.count("tail");
    const client = await context.connect();
    const found = await findObject(client, wanted, namespace, context.signal);
    const pod = wanted.kind.kind === "Pod" ? (found as Pod) : await choosePod(context, client, wanted, found);
    const container = chooseContainer(pod, invocation.text("container"));
    const query = {
      namespace,
      pod: pod.metadata.name,
      container,
      follow: invocation.flag("follow"),
      previous: invocation.flag("previous"),
      ...(tail !== undefined && { tail }),
    };
    for await (const line of client.logs(query, context.signal)) await context.out.line(line);
    return 0;
  },
};

/** Kinds whose logs are those of one of their pods. */
const HAVE_PODS: readonly string[] = ["Pod", "Deployment", "ReplicaSet", "Service"];

/** One of the pods that an object selects, as kubectl chooses: a ready one if there is any, else the newest. Says which. */
async function choosePod(
  { err, signal }: CommandContext,
  client: DaemonClient,
  { kind, name }: ObjectName,
  { metadata: { namespace = "default" }, spec }: KubeObject,
): Promise<Pod> {
  const given = (spec as { selector?: object } | undefined)?.selector ?? {};
  const selector: LabelSelector = kind.kind === "Service" ? { matchLabels: given as Record<string, string> } : given;
  const { items } = await client.list({ group: "", kind: "Pod", namespace }, signal);
  const isNothing = Object.keys(given).length === 0;
  const pods = isNothing ? [] : (items as Pod[]).filter(({ metadata }) => matchesSelector(selector, metadata.labels));
  const age = ({ metadata: { creationTimestamp = "" } }: Pod): string => creationTimestamp;
  pods.sort((a, b) => Number(isPodReady(b)) - Number(isPodReady(a)) || (age(a) < age(b) ? 1 : -1));
  const [pod] = pods;
  if (pod === undefined) {
    const which = `${kind.singular}/${name}`;
    throw new TrueupError("not-found", `Cannot show logs of ${which} as it must have a pod: it has none.`, {
      hint: `trueup describe ${which} says why.`,
    });
  }
  if (pods.length > 1) await err.line(`Found ${pods.length} pods, using pod/${pod.metadata.name}`);
  return pod;
}

/** By which a pod of several containers says whose logs are meant. */
const DEFAULT_CONTAINER = "kubectl.kubernetes.io/default-container";

/** The container named, or, as with kubectl, the one that the pod names, or its first. */
function chooseContainer(pod: Pod, wanted: string | undefined): string {
  const { containers, initContainers = [], ephemeralContainers } = pod.spec;
  const debugging = Array.isArray(ephemeralContainers) ? (ephemeralContainers as { name: string }[]) : [];
  const names = [...containers, ...initContainers, ...debugging].map(({ name }) => name);
  const named = pod.metadata.annotations?.[DEFAULT_CONTAINER];
  const isThere = containers.some(({ name }) => name === named);
  const name = wanted ?? (isThere ? named : names[0]);
  if (name !== undefined && names.includes(name)) return name;
  throw new TrueupError("not-found", `Cannot find container "${wanted}" in pod ${pod.metadata.name}.`, {
    hint: `Its containers: ${names.join(", ")}.`,
  });
}
