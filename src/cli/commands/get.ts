/** `trueup get`: objects as tables, as data, or as a stream of changes. */

import type { ListQuery } from "../../model/backend.ts";
import { TrueupError } from "../../model/errors.ts";
import type { KubeObject } from "../../model/object.ts";
import type { DaemonClient } from "../client.ts";
import type { Command, CommandContext, ExitCode, Invocation } from "../command.ts";
import { notFound, queryFor } from "../find-object.ts";
import { findKinds, type Kind, readObjectName } from "../kinds.ts";
import { ALL_NAMESPACES_OPTION, listOf, NAMESPACE_OPTION, namespaceOf, printData } from "../options.ts";
import { byLastSeen, byName, type GetOptions, headerOf, qualifiedName, rowOf, tableOf } from "../print/get.ts";
import { columnWidths, formatRow, formatTable } from "../print/table.ts";

export const command: Command = {
  options: [
    { flags: "-w, --watch", summary: "go on and print each change" },
    {
      flags: "-o, --output <format>",
      summary: "print more columns, as data, or names only",
      choices: ["wide", "json", "yaml", "name"],
    },
    NAMESPACE_OPTION,
    ALL_NAMESPACES_OPTION,
    { flags: "--no-headers", summary: "leave the line with the columns' names out" },
  ],
  examples: [
    { line: "trueup get pods", does: "list the pods of the default namespace" },
    { line: "trueup get deploy,rs,svc -o wide", does: "several kinds, with images and local URLs" },
    { line: "trueup get pods -w", does: "watch a rollout, pod by pod" },
    { line: "trueup get deployment/web -o yaml", does: "one object, whole" },
  ],
  async run(context, invocation) {
    const request = readRequest(invocation);
    const client = await context.connect();
    const view: View = { context, request, client };
    if (request.watch) return watch(view);
    return show(view);
  },
};

interface Request {
  kinds: Kind[];
  /** Objects asked for by name; empty: all. */
  names: string[];
  namespace: string;
  allNamespaces: boolean;
  watch: boolean;
  headers: boolean;
  format: "table" | "wide" | "json" | "yaml" | "name";
}

interface View {
  context: CommandContext;
  request: Request;
  client: DaemonClient;
}

function readRequest(invocation: Invocation): Request {
  const [first = "", ...rest] = invocation.args;
  const slashed = first.includes("/");
  const named = slashed ? [first, ...rest].map((word) => readObjectName([word])) : [];
  const kinds = slashed ? [...new Set(named.map(({ kind }) => kind))] : findKinds(first);
  const names = slashed ? named.map(({ name }) => name) : rest;
  if (names.length > 0 && kinds.length > 1) {
    throw new TrueupError("usage", "Cannot get objects of several kinds by name: name one kind at a time.");
  }
  const watch = invocation.flag("watch");
  if (watch && kinds.length > 1) {
    throw new TrueupError("usage", "Cannot watch several kinds at once: name one kind.");
  }
  return {
    kinds,
    names,
    namespace: namespaceOf(invocation),
    allNamespaces: invocation.flag("all-namespaces"),
    watch,
    headers: !invocation.flag("no-headers"),
    format: (invocation.text("output") ?? "table") as Request["format"],
  };
}

function queryOf({ request }: View, kind: Kind): ListQuery {
  const name = request.names.length === 1 ? request.names[0] : undefined;
  return queryFor(kind, request.allNamespaces ? undefined : request.namespace, name);
}

async function show(view: View): Promise<ExitCode> {
  const { context, request, client } = view;
  const groups: { kind: Kind; objects: KubeObject[] }[] = [];
  for (const kind of request.kinds) {
    const { items } = await client.list(queryOf(view, kind), context.signal);
    groups.push({ kind, objects: await chosen(view, kind, items) });
  }
  const objects = groups.flatMap(({ objects: list }) => list);
  switch (request.format) {
    case "json":
    case "yaml": {
      const [only] = objects;
      const single = request.names.length === 1 && only !== undefined;
      await printData(context.out, request.format, single ? only : listOf(objects));
      return 0;
    }
    case "name":
      for (const { kind, objects: list } of groups) {
        for (const object of list) await context.out.line(qualifiedName(kind, object.metadata.name));
      }
      return 0;
    case "table":
    case "wide":
      return showTables(view, groups);
    default:
      return request.format satisfies never;
  }
}

/** The objects asked for, in order; each name that is not there is an error. */
async function chosen(view: View, kind: Kind, items: readonly KubeObject[]): Promise<KubeObject[]> {
  const { request, client, context } = view;
  const sorted = items.toSorted(kind.kind === "Event" ? byLastSeen : byName);
  if (request.names.length === 0) return sorted;
  const found = sorted.filter(({ metadata }) => request.names.includes(metadata.name));
  const missing = request.names.find((name) => !found.some(({ metadata }) => metadata.name === name));
  if (missing === undefined) return found;
  const { items: present } = await client.list(queryFor(kind, request.namespace), context.signal);
  throw notFound(kind, missing, request.namespace, present);
}

async function showTables(
  { context, request }: View,
  groups: readonly { kind: Kind; objects: readonly KubeObject[] }[],
): Promise<ExitCode> {
  const filled = groups.filter(({ objects }) => objects.length > 0);
  if (filled.length === 0) {
    const where = request.allNamespaces ? "" : ` in ${request.namespace} namespace`;
    await context.err.line(`No resources found${request.kinds.some(({ namespaced }) => namespaced) ? where : ""}.`);
    return 0;
  }
  for (const [index, { kind, objects }] of filled.entries()) {
    if (index > 0) await context.out.line();
    const table = tableOf(kind, objects, optionsOf(request, context));
    const widths = columnWidths(request.headers ? table : { ...table, header: table.header.map(() => "") });
    if (request.headers) await context.out.write(formatTable(table, widths));
    else for (const row of table.rows) await context.out.line(formatRow(row, widths));
  }
  return 0;
}

function optionsOf(request: Request, context: CommandContext): GetOptions {
  return {
    now: context.clock.now(),
    wide: request.format === "wide",
    allNamespaces: request.allNamespaces,
    kindInName: request.kinds.length > 1,
  };
}

/** Prints what is there and then each change, until Ctrl-C. */
async function watch(view: View): Promise<ExitCode> {
  const { context, request, client } = view;
  const [kind] = request.kinds;
  if (kind === undefined) throw new TrueupError("usage", "Cannot watch as a kind must be named.");
  const printer = new WatchPrinter(view, kind);
  for await (const event of client.watch(queryOf(view, kind), context.signal)) {
    if (event.type === "reset") printer.reset();
    else if (event.type === "synced") await printer.flush();
    else if (request.names.length === 0 || request.names.includes(event.object.metadata.name)) {
      await printer.print(event.object);
    }
  }
  return 0;
}

/** Keeps the columns of a watch in line: what is there at first is one table, later lines follow its widths. */
class WatchPrinter {
  readonly #view: View;
  readonly #kind: Kind;
  /** What is there, until the first `synced`. */
  #first: KubeObject[] | undefined = [];
  #widths: number[] = [];
  /** Versions already printed, so that a renewed watch prints only what changed meanwhile. */
  readonly #printed = new Map<string, string | undefined>();
  #started = false;

  constructor(view: View, kind: Kind) {
    this.#view = view;
    this.#kind = kind;
  }

  reset(): void {
    this.#first = [];
  }

  async print(object: KubeObject): Promise<void> {
    if (this.#first !== undefined) this.#first.push(object);
    else await this.#line(object);
  }

  async flush(): Promise<void> {
    const first = this.#first ?? [];
    this.#first = undefined;
    const { context, request } = this.#view;
    const fresh = first.filter(({ metadata }) => this.#printed.get(keyOf(metadata)) !== metadata.resourceVersion);
    const isTable = request.format === "table" || request.format === "wide";
    if (isTable && !this.#started) {
      const table = tableOf(this.#kind, fresh, optionsOf(request, context));
      this.#widths = columnWidths(table);
      if (request.headers) await context.out.line(formatRow(table.header, this.#widths));
    }
    this.#started = true;
    for (const object of fresh.toSorted(this.#kind.kind === "Event" ? byLastSeen : byName)) await this.#line(object);
  }

  async #line(object: KubeObject): Promise<void> {
    this.#printed.set(keyOf(object.metadata), object.metadata.resourceVersion);
    const { context, request } = this.#view;
    switch (request.format) {
      case "name":
        return context.out.line(qualifiedName(this.#kind, object.metadata.name));
      case "json":
        return context.out.line(JSON.stringify(object));
      case "yaml":
        await context.out.line("---");
        return printData(context.out, "yaml", object);
      default: {
        const options = optionsOf(request, context);
        const row = rowOf(this.#kind, object, options);
        this.#widths = columnWidths({ header: headerOf(this.#kind, options), rows: [row] }, this.#widths);
        return context.out.line(formatRow(row, this.#widths));
      }
    }
  }
}

function keyOf({ namespace = "", name }: { namespace?: string; name: string }): string {
  return `${namespace}/${name}`;
}
