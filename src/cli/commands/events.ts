/** `trueup events`: what happened, oldest first. */
import type { KubeObject } from "../../model/object.ts";
import type { KubeEvent } from "../../model/workload.ts";
import type { Command, CommandContext, Invocation } from "../command.ts";
import { findKind, readObjectName } from "../kinds.ts";
import { ALL_NAMESPACES_OPTION, dataFormat, listOf, NAMESPACE_OPTION, namespaceOf, printData } from "../options.ts";
import { byLastSeen, type GetOptions, headerOf, rowOf, tableOf } from "../print/get.ts";
import { columnWidths, formatRow, formatTable } from "../print/table.ts";

export const command: Command = {
  options: [
    { flags: "-w, --watch", summary: "go on and print new events" },
    { flags: "--for <object>", summary: "only events about this object, as deployment/web", completes: "object" },
    { flags: "-o, --output <format>", summary: "print more columns, or as data", choices: ["wide", "json", "yaml"] },
    NAMESPACE_OPTION,
    ALL_NAMESPACES_OPTION,
  ],
  examples: [
    { line: "trueup events --for deployment/web", does: "how it was scaled, step by step" },
    { line: "trueup events -w", does: "watch what happens" },
  ],
  async run(context, invocation) {
    const about = invocation.text("for");
    const wanted = about === undefined ? undefined : readObjectName([about]);
    const matches = (object: KubeObject): boolean => {
      const { involvedObject } = object as KubeEvent;
      return wanted === undefined || (involvedObject.kind === wanted.kind.kind && involvedObject.name === wanted.name);
    };
    const client = await context.connect();
    const all = invocation.flag("all-namespaces");
    const query = { group: "", kind: "Event", ...(!all && { namespace: namespaceOf(invocation) }) };
    if (invocation.flag("watch")) {
      await follow(context, invocation, client.watch(query, context.signal), matches);
      return 0;
    }
    const { items } = await client.list(query, context.signal);
    await show(context, invocation, items.filter(matches).toSorted(byLastSeen));
    return 0;
  },
};

const EVENTS = findKind("events");

function optionsOf(context: CommandContext, invocation: Invocation): GetOptions {
  const allNamespaces = invocation.flag("all-namespaces");
  return { now: context.clock.now(), wide: invocation.text("output") === "wide", allNamespaces, kindInName: false };
}

async function show(context: CommandContext, invocation: Invocation, events: readonly KubeObject[]): Promise<void> {
  const format = dataFormat(invocation);
  if (format !== undefined) return printData(context.out, format, listOf(events));
  if (events.length === 0) return context.err.line("No events found.");
  return context.out.write(formatTable(tableOf(EVENTS, events, optionsOf(context, invocation))));
}

/** Prints each event once per count: the store writes one anew when it is only counted up. */
async function follow(
  context: CommandContext,
  invocation: Invocation,
  changes: AsyncIterable<{ type: string; object?: KubeObject }>,
  matches: (object: KubeObject) => boolean,
): Promise<void> {
  const format = dataFormat(invocation);
  const counts = new Map<string, number>();
  let widths: number[] | undefined;
  for await (const { type, object } of changes) {
    if (object === undefined || type === "deleted" || !matches(object)) continue;
    const { metadata, count } = object as KubeEvent;
    const key = metadata.uid ?? `${metadata.namespace}/${metadata.name}`;
    if (counts.get(key) === count) continue;
    counts.set(key, count);
    if (format !== undefined) {
      if (format === "yaml") await context.out.line("---");
      await (format === "json" ? context.out.line(JSON.stringify(object)) : printData(context.out, "yaml", object));
      continue;
    }
    const options = optionsOf(context, invocation);
    const header = headerOf(EVENTS, options);
    const row = rowOf(EVENTS, object, options);
    const first = widths === undefined;
    widths = columnWidths({ header, rows: [row] }, widths);
    if (first) await context.out.line(formatRow(header, widths));
    await context.out.line(formatRow(row, widths));
  }
}
