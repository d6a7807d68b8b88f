/** Columns of configuration, namespaces, events, and kinds that trueup knows nothing special about. */
import { reporterOf, timesOf } from "../../model/event-times.ts";
import type { KubeObject } from "../../model/object.ts";
import type { ConfigMap, KubeEvent, Secret } from "../../model/workload.ts";
import { ageOf } from "./age.ts";
import type { KindPrinter } from "./kind-printer.ts";

const size = (values: object | undefined): number => Object.keys(values ?? {}).length;

export const configMapPrinter: KindPrinter<ConfigMap> = {
  columns: ["DATA", "AGE"],
  wide: [],
  cells: ({ data, binaryData, metadata }, now) => [
    String(size(data) + size(binaryData)),
    ageOf(metadata.creationTimestamp, now),
  ],
  wideCells: () => [],
};

export const secretPrinter: KindPrinter<Secret> = {
  columns: ["TYPE", "DATA", "AGE"],
  wide: [],
  cells: ({ type, data, metadata }, now) => [
    type ?? "Opaque",
    String(size(data)),
    ageOf(metadata.creationTimestamp, now),
  ],
  wideCells: () => [],
};

export const namespacePrinter: KindPrinter<KubeObject> = {
  columns: ["STATUS", "AGE"],
  wide: [],
  cells: ({ status, metadata }, now) => {
    const phase = (status as { phase?: string } | undefined)?.phase;
    const text = metadata.deletionTimestamp === undefined ? (phase ?? "Active") : "Terminating";
    return [text, ageOf(metadata.creationTimestamp, now)];
  },
  wideCells: () => [],
};

export const eventPrinter: KindPrinter<KubeEvent> = {
  columns: ["LAST SEEN", "TYPE", "REASON", "OBJECT", "MESSAGE"],
  wide: ["SOURCE", "FIRST SEEN", "COUNT", "NAME"],
  nameless: true,
  cells: (event, now) => [
    ageOf(timesOf(event).last, now),
    event.type,
    event.reason,
    `${event.involvedObject.kind.toLowerCase()}/${event.involvedObject.name}`,
    event.message.trim(),
  ],
  wideCells: (event, now) => [
    reporterOf(event),
    ageOf(timesOf(event).first, now),
    String(timesOf(event).count),
    event.metadata.name,
  ],
};

export const anyPrinter: KindPrinter<KubeObject> = {
  columns: ["AGE"],
  wide: [],
  cells: ({ metadata }, now) => [ageOf(metadata.creationTimestamp, now)],
  wideCells: () => [],
};
