/** Objects as the lines of a table: which printer a kind has, and the columns that all kinds share. */
import { timesOf } from "../../model/event-times.ts";
import type { KubeObject } from "../../model/object.ts";
import type { KubeEvent } from "../../model/workload.ts";
import type { Kind } from "../kinds.ts";
import { printableLine } from "./escape.ts";
import { anyPrinter, configMapPrinter, eventPrinter, namespacePrinter, secretPrinter } from "./get-other.ts";
import { endpointsPrinter, servicePrinter } from "./get-services.ts";
import { deploymentPrinter, podPrinter, replicaSetPrinter } from "./get-workloads.ts";
import type { KindPrinter } from "./kind-printer.ts";
import type { Table } from "./table.ts";

export interface GetOptions {
  /** Milliseconds since the Unix epoch, for ages. */
  now: number;
  wide: boolean;
  /** Shows the NAMESPACE column. */
  allNamespaces: boolean;
  /** Writes names as `pod/web`, when several kinds are listed. */
  kindInName: boolean;
}

const PRINTERS = {
  Pod: podPrinter,
  Deployment: deploymentPrinter,
  ReplicaSet: replicaSetPrinter,
  Service: servicePrinter,
  Endpoints: endpointsPrinter,
  ConfigMap: configMapPrinter,
  Secret: secretPrinter,
  Namespace: namespacePrinter,
  Event: eventPrinter,
} as const;

/** The printer of a kind. Objects come as the daemon sends them, so their kind says their shape. */
function printerOf(kind: Kind): KindPrinter<KubeObject> {
  const found = Object.hasOwn(PRINTERS, kind.kind) ? PRINTERS[kind.kind as keyof typeof PRINTERS] : undefined;
  return (found ?? anyPrinter) as KindPrinter<KubeObject>;
}

export function headerOf(kind: Kind, { wide, allNamespaces }: GetOptions): string[] {
  const printer = printerOf(kind);
  return [
    ...(allNamespaces && kind.namespaced ? ["NAMESPACE"] : []),
    ...(printer.nameless === true ? [] : ["NAME"]),
    ...printer.columns,
    ...(wide ? printer.wide : []),
  ];
}

export function rowOf(kind: Kind, object: KubeObject, options: GetOptions): string[] {
  const printer = printerOf(kind);
  const { name, namespace } = object.metadata;
  return [
    ...(options.allNamespaces && kind.namespaced ? [namespace ?? "default"] : []),
    ...(printer.nameless === true ? [] : [options.kindInName ? qualifiedName(kind, name) : name]),
    ...printer.cells(object, options.now),
    ...(options.wide ? printer.wideCells(object, options.now) : []),
  ].map(printableLine);
}

/** All objects of one kind as a table, in the order in which people look for them. */
export function tableOf(kind: Kind, objects: readonly KubeObject[], options: GetOptions): Table {
  const sorted = objects.toSorted(kind.kind === "Event" ? byLastSeen : byName);
  return { header: headerOf(kind, options), rows: sorted.map((object) => rowOf(kind, object, options)) };
}

/** `deployment.apps/web`, `pod/web-5d4`: what `-o name` prints. */
export function qualifiedName(kind: Kind, name: string): string {
  return `${kind.singular}${kind.group === "" ? "" : `.${kind.group}`}/${name}`;
}

export function byName(a: KubeObject, b: KubeObject): number {
  const key = ({ metadata }: KubeObject): string => `${metadata.namespace ?? ""}/${metadata.name}`;
  return key(a) < key(b) ? -1 : key(a) > key(b) ? 1 : 0;
}

/** Oldest first; equal times by the order in which the store wrote them. */
export function byLastSeen(a: KubeObject, b: KubeObject): number {
  const time = (object: KubeObject): number => Date.parse(timesOf(object as KubeEvent).last) || 0;
  const version = (object: KubeObject): number => Number(object.metadata.resourceVersion ?? 0) || 0;
  return time(a) - time(b) || version(a) - version(b);
}
