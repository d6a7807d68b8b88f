/** An object as it can be tried beside the one that it is to replace: under another name, without what only one may have. Pure. */
import { createHash } from "node:crypto";
import type { KubeObject } from "../model/object.ts";

type Fields = Record<string, unknown>;

/** Names of every kind may be this long: labels and DNS names end at 63, a CronJob's at 52. */
const LONGEST = 52;
const DIGITS = 8;

/** What is tried in the place of `declared`, while `live` still has its name, its addresses and its ports. */
export function beside(declared: KubeObject, live: KubeObject): KubeObject {
  const object = { ...declared, metadata: { ...declared.metadata, name: nameBeside(live) } };
  const isService = declared.apiVersion === "v1" && declared.kind === "Service";
  return isService ? withoutPlaces(object, live) : object;
}

/** A name that nobody has but by intent: it ends in digits of the present object's uid. */
export function nameBeside({ metadata: { name, uid = "" } }: KubeObject): string {
  const digits = createHash("sha256").update(uid).digest("hex").slice(0, DIGITS);
  const start = name.slice(0, LONGEST - DIGITS - 1).replace(/[-.]+$/, "");
  return `${start}-${digits}`;
}

/** Of an address or port that the present Service has: it is free once that one is gone. */
function withoutPlaces(service: KubeObject, live: KubeObject): KubeObject {
  const [spec, present] = [fieldsOf(service.spec), fieldsOf(live.spec)];
  const taken = new Set(portsOf(present).map(({ nodePort }) => nodePort));
  const kept = { ...spec };
  for (const name of ["clusterIP", "clusterIPs", "healthCheckNodePort"]) {
    const isNone = spec.clusterIP === "None";
    if (!isNone && JSON.stringify(spec[name]) === JSON.stringify(present[name])) delete kept[name];
  }
  if (Array.isArray(spec.ports)) {
    kept.ports = portsOf(spec).map(({ nodePort, ...port }) => {
      return nodePort === undefined || taken.has(nodePort) ? port : { ...port, nodePort };
    });
  }
  return { ...service, spec: kept };
}

function portsOf({ ports }: Fields): Fields[] {
  return (Array.isArray(ports) ? ports : []).map(fieldsOf);
}

function fieldsOf(value: unknown): Fields {
  return typeof value === "object" && value !== null ? (value as Fields) : {};
}
