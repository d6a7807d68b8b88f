/** Where a change goes: the repository and branch that an app tracks, and the file that declares the object there. */
import { openRepository, type Repository } from "../../git/repository.ts";
import { parseManifestFile } from "../../manifest/parse.ts";
import { TrueupError } from "../../model/errors.ts";
import type { Declared } from "../../model/manifest.ts";
import type { KubeObject } from "../../model/object.ts";
import { type CommitId, shortId } from "../../model/source.ts";
import type { AppStatus } from "../../model/status.ts";
import { ANNOTATION } from "../../model/workload.ts";
import type { DaemonClient } from "../client.ts";
import type { CommandContext } from "../command.ts";
import { queryFor } from "../find-object.ts";
import type { ObjectName } from "../kinds.ts";
import { loadAppAt } from "../manifests.ts";
import { fullRef } from "./wait.ts";

/** A branch to commit on. Close the repository when done. */
export interface Workplace {
  repository: Repository;
  /** Full name of the branch. */
  ref: string;
  /** Directory of the app; "" for the whole repository. */
  path: string;
  /** `null` when no daemon runs: then the change is a commit on the branch checked out here, and nothing else. */
  daemon: { client: DaemonClient; app: AppStatus } | null;
  /** The object as it runs, when it does. */
  live: KubeObject | null;
}

export interface WorkplaceRequest {
  object: ObjectName;
  namespace: string;
}

/** @throws {TrueupError} `not-found` when no app has the object, `conflict` when the app follows no branch */
export async function openWorkplace(context: CommandContext, request: WorkplaceRequest): Promise<Workplace> {
  const daemon = await daemonOf(context, request);
  const repository =
    daemon === null ? await openHere(context) : await openRepository(daemon.app.repository, { signal: context.signal });
  try {
    const ref = await branchOf(repository, daemon?.app.ref ?? "HEAD");
    const found = daemon === null ? null : { client: daemon.client, app: daemon.app };
    return { repository, ref, path: daemon?.app.path ?? "", daemon: found, live: daemon?.live ?? null };
  } catch (error) {
    await repository.close();
    throw error;
  }
}

/** A branch to commit on, whatever the change is about. Close the repository when done. */
export interface Branch {
  repository: Repository;
  /** Full name. */
  ref: string;
  daemon: { client: DaemonClient; apps: readonly AppStatus[] } | null;
}

/**
 * The branch that the daemon's apps follow; without a daemon, the one checked out here.
 *
 * @throws {TrueupError} `conflict` when it is no branch
 */
export async function openBranch(context: CommandContext): Promise<Branch> {
  const client = await connectIfRunning(context);
  const apps = client === null ? [] : (await client.status(context.signal)).apps;
  // A daemon follows one ref of one repository, with all its apps.
  const [first] = apps;
  const repository =
    first === undefined ? await openHere(context) : await openRepository(first.repository, { signal: context.signal });
  try {
    const ref = await branchOf(repository, first?.ref ?? "HEAD");
    return { repository, ref, daemon: client === null || first === undefined ? null : { client, apps } };
  } catch (error) {
    await repository.close();
    throw error;
  }
}

/** `null` when no daemon runs and none was named. */
async function connectIfRunning(context: CommandContext): Promise<DaemonClient | null> {
  try {
    return await context.connect();
  } catch (error) {
    if (!(error instanceof TrueupError) || error.code !== "unavailable" || context.stateDir !== undefined) throw error;
    return null;
  }
}

/** Without a daemon to name it, the repository is the one stood in. */
async function openHere({ cwd, err, signal }: CommandContext): Promise<Repository> {
  let repository: Repository;
  try {
    repository = await openRepository(cwd, { signal });
  } catch (error) {
    if (!(error instanceof TrueupError) || error.code !== "not-found") throw error;
    throw new TrueupError("unavailable", "Cannot tell which repository is meant: no daemon runs, and this is none.", {
      hint: "Stand in the repository or name it with -C; or start a daemon with trueup run REPO.",
      cause: error,
    });
  }
  await err.line("trueup: no daemon runs; the commit is made in the repository of this directory");
  return repository;
}

async function daemonOf(
  context: CommandContext,
  { object, namespace }: WorkplaceRequest,
): Promise<{ client: DaemonClient; app: AppStatus; live: KubeObject | null } | null> {
  const client = await connectIfRunning(context);
  if (client === null) return null;
  const { apps } = await client.status(context.signal);
  const query = queryFor(object.kind, namespace, object.name);
  for (const app of apps) {
    const { items } = await client.list({ ...query, owner: app.app }, context.signal);
    if (items[0] !== undefined) return { client, app, live: items[0] };
  }
  // Declared, but never applied: with one app there is no doubt which it is.
  const [only] = apps;
  if (only !== undefined && apps.length === 1) return { client, app: only, live: null };
  throw new TrueupError(
    "not-found",
    `Cannot find ${object.kind.singular} "${object.name}" in namespace ${namespace}.`,
    {
      hint: `None of the apps (${apps.map(({ app }) => app).join(", ") || "none"}) has applied it.`,
    },
  );
}

async function branchOf(repository: Repository, ref: string): Promise<string> {
  const full = ref === "HEAD" ? (await repository.head()).ref : fullRef(ref);
  if (full?.startsWith("refs/heads/") === true) return full;
  const what = full === null ? "HEAD is detached" : `it follows ${full}`;
  throw new TrueupError("conflict", `Cannot commit in ${repository.path} as the app must follow a branch: ${what}.`, {
    hint: "Check a branch out, or commit by yourself and move the ref.",
  });
}

/** One object in its file, at the head of the branch. */
export interface DeclaredAtHead {
  head: CommitId;
  declared: Declared;
  text: string;
}

/**
 * Finds the manifest: where the running object says it comes from, else among all of the app's.
 *
 * @throws {TrueupError} `not-found` when the branch's head does not declare the object
 */
export async function findManifest(workplace: Workplace, request: WorkplaceRequest): Promise<DeclaredAtHead> {
  const { repository, ref, path, live } = workplace;
  const head = await repository.readRef(ref);
  if (head === null) throw new TrueupError("not-found", `Cannot change ${ref} as it must have a commit: it has none.`);
  const isIt = ({ id }: Declared): boolean =>
    id.group === request.object.kind.group &&
    id.kind === request.object.kind.kind &&
    id.name === request.object.name &&
    id.namespace === request.namespace;
  const hint = live?.metadata.annotations?.[ANNOTATION.source]?.replace(/:\d+$/, "");
  if (hint !== undefined) {
    const found = await declaredIn(repository, head, hint, request.namespace);
    const declared = found?.declared.find(isIt);
    if (found !== null && declared !== undefined) return { head, declared, text: found.text };
  }
  const app = await loadAppAt(repository, head, path, request.namespace);
  const declared = app.declared.find(isIt);
  const file = app.files.find((source) => source.file === declared?.file);
  if (declared !== undefined && file !== undefined) return { head, declared, text: file.text };
  const { kind, name } = request.object;
  const others = app.declared.filter(({ id }) => id.kind === kind.kind).map(({ id }) => id.name);
  const where = `${shortId(head)} of ${ref.replace(/^refs\/heads\//, "")}`;
  throw new TrueupError("not-found", `Cannot change ${kind.singular} "${name}" as ${where} must declare it.`, {
    hint: `${kind.plural} declared there in namespace ${request.namespace}: ${others.join(", ") || "none"}.`,
  });
}

async function declaredIn(
  repository: Repository,
  commit: CommitId,
  file: string,
  defaultNamespace: string,
): Promise<{ declared: Declared[]; text: string } | null> {
  const entry = (await repository.filesAt(commit, [file])).get(file);
  if (entry === undefined) return null;
  const text = await repository.text(entry.blob);
  const { declared } = parseManifestFile({ file, blob: entry.blob, text, defaultNamespace });
  return { declared, text };
}
