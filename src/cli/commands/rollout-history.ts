/** `trueup rollout history`: a workload's revisions with their commits. */
import { TrueupError } from "../../model/errors.ts";
import { controllerOf, idOf, keyOfId } from "../../model/object.ts";
import type { ReplicaSet } from "../../model/workload.ts";
import type { Command } from "../command.ts";
import { findObject } from "../find-object.ts";
import { dataFormat, NAMESPACE_OPTION, namespaceOf, printData, WIDE_OUTPUT_OPTION } from "../options.ts";
import { qualifiedName } from "../print/get.ts";
import { formatHistory, formatRevision, formatWideHistory, historyEntries } from "../print/history.ts";
import { readDeployment } from "../workload.ts";

export const command: Command = {
  options: [
    { flags: "--revision <number>", summary: "print this revision's pod template" },
    WIDE_OUTPUT_OPTION,
    NAMESPACE_OPTION,
  ],
  examples: [
    { line: "trueup rollout history deployment/web", does: "which commit made which revision" },
    { line: "trueup rollout history deployment/web --revision 2", does: "what ran then" },
    {
      line: "trueup rollout history deployment/web -o wide",
      does: "also of numbers that an undo has renewed, with outcomes, durations, digests",
    },
  ],
  details:
    "As kubectl, the list has one number for each template: an undo gives the old template a new number. -o wide and -o json list all.",
  async run(context, invocation) {
    const named = readDeployment(invocation.args, "list the revisions of");
    const wanted = invocation.count("revision");
    const namespace = namespaceOf(invocation);
    const client = await context.connect();
    const deployment = await findObject(client, named, namespace, context.signal);
    const { uid } = deployment.metadata;
    const workload = keyOfId(idOf(deployment));
    const [records, sets] = await Promise.all([
      client.revisions({ workload, ...(uid !== undefined && { uid }) }, context.signal),
      client.list({ group: "apps", kind: "ReplicaSet", namespace }, context.signal),
    ]);
    const owned = sets.items.filter((set) => controllerOf(set)?.uid === uid) as ReplicaSet[];
    const entries = historyEntries(records, owned);
    const shown = wanted === undefined ? entries : entries.filter(({ revision }) => revision === wanted);
    if (wanted !== undefined && shown.length === 0) {
      throw new TrueupError("not-found", `unable to find the specified revision ${wanted}`, {
        hint: `There are: ${entries.map(({ revision }) => revision).join(", ") || "none"}.`,
      });
    }
    const format = dataFormat(invocation);
    if (format !== undefined) {
      await printData(
        context.out,
        format,
        shown.map(({ record, ...entry }) => ({ ...record, ...entry })),
      );
      return 0;
    }
    const name = qualifiedName(named.kind, named.name);
    const [entry] = shown;
    if (wanted !== undefined && entry !== undefined) {
      await context.out.write(`${name} with revision #${wanted}\n${formatRevision(entry)}`);
      return 0;
    }
    const wide = invocation.text("output") === "wide";
    const current = shown.filter(({ isCurrent }) => isCurrent);
    await context.out.write(`${name} \n${wide ? formatWideHistory(shown) : formatHistory(current)}\n`);
    return 0;
  },
};
