/** `trueup logs`: what a pod's container printed. */
import { TrueupError } from "../../model/errors.ts";
import type { Pod } from "../../model/workload.ts";
import type { Command } from "../command.ts";
import { findObject } from "../find-object.ts";
import { findKind, readObjectName } from "../kinds.ts";
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
    { line: "trueup logs web-5d4f8-x2x8z --previous --tail 20", does: "the last words of a container that crashed" },
  ],
  async run(context, invocation) {
    const [word = ""] = invocation.args;
    const wanted = word.includes("/") ? readObjectName([word]) : { kind: findKind("pod"), name: word };
    if (wanted.kind.kind !== "Pod") {
      throw new TrueupError("usage", `Cannot show logs of ${word} as it must be a pod.`, {
        hint: "trueup get pods lists them.",
      });
    }
    const namespace = namespaceOf(invocation);
    const tail = invocation.count("tail");
    const client = await context.connect();
    const pod = (await findObject(client, wanted, namespace, context.signal)) as Pod;
    const container = chooseContainer(pod, invocation.text("container"));
    const query = {
      namespace,
      pod: wanted.name,
      container,
      follow: invocation.flag("follow"),
      previous: invocation.flag("previous"),
      ...(tail !== undefined && { tail }),
    };
    for await (const line of client.logs(query, context.signal)) await context.out.line(line);
    return 0;
  },
};

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
