/** What a state directory says of the cluster that it is about, and that it is about one kind of target only. */
import { existsSync, statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";
import { messageOf, TrueupError } from "../model/errors.ts";
import type { TargetStatus } from "../model/status.ts";
import { parseRecord } from "../util/json.ts";
import { writePrivateFile } from "./private-file.ts";

/** In the state directory of a daemon whose target is a cluster; for people and `trueup doctor`. */
export const TARGET_FILE = "target.json";

export interface TargetRecord extends TargetStatus {
  /** Of trueup's own objects. */
  namespace: string;
  ownerId: string;
  /** Which cluster it is, wherever it answers; absent where nobody may ask it. */
  clusterId?: string;
  /** File that names the context, when it was not the one that is taken anyway. */
  kubeconfig?: string;
  /** Only these are read; absent: all. */
  namespaces?: readonly string[];
}

export async function writeTargetRecord(stateDir: string, record: TargetRecord): Promise<void> {
  const path = join(stateDir, TARGET_FILE);
  const text = `${JSON.stringify(record)}\n`;
  try {
    // Nothing is written where nothing changes: a full disk must not keep a daemon from starting.
    if (existsSync(path) && (await readFile(path, "utf8")) === text) return;
    await writePrivateFile(path, text);
  } catch (error) {
    throw new TrueupError("io", `Cannot write ${path}: ${messageOf(error)}`, { cause: error });
  }
}

/** What the last daemon of the directory was about; `null` when that was no cluster, or nobody can tell. */
export async function readTargetRecord(stateDir: string): Promise<TargetRecord | null> {
  const path = join(stateDir, TARGET_FILE);
  if (!existsSync(path)) return null;
  const record = parseRecord(await readFile(path, "utf8"));
  if (record === null) return null;
  const { name, server, context, namespace, ownerId, ledger, clusterId, kubeconfig, namespaces } = record;
  const texts = [name, server, namespace, ownerId];
  if (!texts.every((text) => typeof text === "string")) return null;
  return {
    kind: "kubernetes",
    ...({ name, server, namespace, ownerId } as { name: string; server: string; namespace: string; ownerId: string }),
    ...(typeof context === "string" && { context }),
    ...(ledger === "cluster" && { ledger }),
    ...(typeof clusterId === "string" && { clusterId }),
    ...(typeof kubeconfig === "string" && { kubeconfig }),
    ...(Array.isArray(namespaces) && { namespaces: namespaces.map(String) }),
  };
}

/**
 * Refuses a directory that holds the other kind's state: objects of an embedded cluster, whose pods nobody would look
 * after, or the ownership of objects on a cluster.
 *
 * @throws {TrueupError} `conflict`
 */
export function requireStateFor(kind: TargetStatus["kind"], stateDir: string): void {
  const isEmbedded = (statSync(join(stateDir, "cluster.db"), { throwIfNoEntry: false })?.size ?? 0) > 0;
  const isCluster = existsSync(join(stateDir, TARGET_FILE));
  const is = kind === "kubernetes" ? isEmbedded && "the embedded cluster's" : isCluster && "of a Kubernetes target";
  if (is === false) return;
  const wanted = kind === "kubernetes" ? "a Kubernetes target's" : "the embedded cluster's";
  throw new TrueupError(
    "conflict",
    `Cannot use the state directory ${stateDir} as it must be ${wanted}: it is ${is}.`,
    { hint: "Choose another directory with --state." },
  );
}
