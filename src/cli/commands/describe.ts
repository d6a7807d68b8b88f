/** `trueup describe`: everything about an object, with what belongs to it. */
import { controllerOf, type KubeObject } from "../../model/object.ts";
import type { Endpoints, KubeEvent } from "../../model/workload.ts";
import type { DaemonClient } from "../client.ts";
import type { Command, CommandContext } from "../command.ts";
import { findObject, queryFor } from "../find-object.ts";
import { findKind, type Kind, readObjectName } from "../kinds.ts";
import { NAMESPACE_OPTION, namespaceOf } from "../options.ts";
import { describeObject, type Related } from "../print/describe.ts";
import { byName } from "../print/get.ts";

export const command: Command = {
  options: [NAMESPACE_OPTION],
  examples: [
    { line: "trueup describe deployment/web", does: "its limits, ReplicaSets, conditions and scale events" },
    { line: "trueup describe pods", does: "all pods, one after the other" },
  ],
  async run(context, invocation) {
    const [first = "", second] = invocation.args;
    const namespace = namespaceOf(invocation);
    const all = !first.includes("/") && second === undefined ? findKind(first) : undefined;
    const wanted = all === undefined ? readObjectName(invocation.args) : undefined;
    const client = await context.connect();
    const objects =
      wanted !== undefined
        ? [await findObject(client, wanted, namespace, context.signal)]
        : all !== undefined
          ? (await client.list(queryFor(all, namespace), context.signal)).items.toSorted(byName)
          : [];
    for (const [index, object] of objects.entries()) {
      if (index > 0) await context.out.write("\n\n");
      await context.out.write(describeObject(object, await relatedTo(client, object, context)));
    }
    if (objects.length === 0) await context.err.line(`No resources found in ${namespace} namespace.`);
    return 0;
  },
};

/** Kinds whose children are told with them. */
const CHILDREN: Readonly<Record<string, Pick<Kind, "group" | "kind">>> = {
  Deployment: { group: "apps", kind: "ReplicaSet" },
  ReplicaSet: { group: "", kind: "Pod" },
};

async function relatedTo(client: DaemonClient, object: KubeObject, context: CommandContext): Promise<Related> {
  const { signal } = context;
  const namespace = object.metadata.namespace ?? "default";
  const child = CHILDREN[object.kind];
  const [events, children, endpoints] = await Promise.all([
    client.list({ group: "", kind: "Event", namespace }, signal),
    child === undefined ? null : client.list({ ...child, namespace }, signal),
    object.kind === "Service"
      ? client.list({ group: "", kind: "Endpoints", namespace, name: object.metadata.name }, signal)
      : null,
  ]);
  return {
    now: context.clock.now(),
    events: (events.items as KubeEvent[]).filter((event) => isAbout(event, object)),
    children: (children?.items ?? []).filter((item) => controllerOf(item)?.uid === object.metadata.uid),
    endpoints: endpoints?.items[0] as Endpoints | undefined,
  };
}

/** Whether an event tells of this very object, and not of an earlier one of its name. */
export function isAbout({ involvedObject }: KubeEvent, { kind, metadata }: KubeObject): boolean {
  if (involvedObject.kind !== kind || involvedObject.name !== metadata.name) return false;
  return involvedObject.uid === undefined || metadata.uid === undefined || involvedObject.uid === metadata.uid;
}
