/** What the apps of one repository declare at a commit: read once per commit, however many of them ask. */
import type { Repository } from "../git/repository.ts";
import { isError } from "../model/diagnostic.ts";
import type { Declared } from "../model/manifest.ts";
import type { KubeObject } from "../model/object.ts";
import type { CommitId, ObjectHash } from "../model/source.ts";
import { type Claim, type Claims, RepositoryClaims } from "../reconcile/claims.ts";
import { type DefinitionsAt, RepositoryDefinitions } from "../reconcile/definitions.ts";
import { claimOf } from "../reconcile/pass.ts";
import { AppSource } from "../reconcile/source.ts";
import type { SourceLimits } from "../reconcile/types.ts";
import { type AppSettings, type AppsReader, mayBeOwn } from "./apps.ts";

const NEVER = new AbortController().signal;
/** Commits that are kept: the head, and the older ones that apps may have gone back to. */
const MOST_COMMITS = 4;

export interface NeighboursOptions {
  repository: Repository;
  reader: AppsReader;
  limits?: SourceLimits;
  /** Of custom kinds, as the operator gives them. */
  definitions?: readonly KubeObject[];
  /** The apps that are kept true; more may come and go. */
  reconcilers: ReadonlyMap<string, { claim(commit: CommitId): Promise<Claim> }>;
  isWanted(app: string): boolean;
}

export class Neighbours {
  readonly #options: NeighboursOptions;
  readonly #defined: RepositoryDefinitions;
  /** The one asked about last comes last. */
  readonly #known = new Map<CommitId, Promise<RepositoryClaims>>();
  /** Of each app, the claim that was read last, and of what. */
  readonly #last = new Map<string, { settings: AppSettings; tree: ObjectHash; claim: Claim }>();

  constructor(options: NeighboursOptions) {
    this.#options = options;
    this.#defined = new RepositoryDefinitions(options.repository, options.limits);
  }

  /**
   * What the other apps define at a commit, also those that are not run here.
   *
   * @throws {TrueupError} When git cannot be read
   */
  async definitions(app: string, commit: CommitId, signal: AbortSignal): Promise<readonly Declared[]> {
    const { apps } = await this.#options.reader.at(commit);
    // All of them, so that one reading does for whoever asks; an app that is alone has said what it defines.
    const paths = apps.every(({ name }) => name === app) ? [] : apps.map(({ path }) => path);
    return paths.length === 0 ? [] : this.#defined.at(commit, paths, signal);
  }

  /**
   * What the other apps declare at a commit.
   *
   * @throws {TrueupError} When one of them cannot be read: then nothing is known
   */
  async claims(app: string, commit: CommitId): Promise<Claims> {
    const known = this.#known.get(commit);
    this.#known.delete(commit);
    const reading = known ?? this.#read(commit);
    this.#known.set(commit, reading);
    for (const oldest of this.#known.keys()) {
      if (this.#known.size <= MOST_COMMITS) break;
      this.#known.delete(oldest);
    }
    try {
      return (await reading).besides(app);
    } catch (error) {
      // A read that failed says nothing about the next one.
      if (this.#known.get(commit) === reading) this.#known.delete(commit);
      throw error;
    }
  }

  /**
   * An app that the commit adds may not have a reconciler yet, and is read all the same: what moves into it must not look
   * deleted until it has one.
   */
  async #read(commit: CommitId): Promise<RepositoryClaims> {
    const { reader, reconcilers, isWanted } = this.#options;
    const { apps, diagnostics } = await reader.at(commit);
    if (diagnostics.some(isError)) {
      // Then the apps are those that are known so far, which another reading of the same commit need not be.
      this.#known.delete(commit);
      const claims = await Promise.all([...reconcilers.values()].map((reconciler) => reconciler.claim(commit)));
      return new RepositoryClaims(claims, () => true);
    }
    const named = new Set(apps.map(({ name }) => name));
    const wanted = apps.filter(({ name }) => isWanted(name));
    const claims = await Promise.all(wanted.map((app) => this.#claimOf(app, commit)));
    for (const app of this.#last.keys()) if (!named.has(app)) this.#last.delete(app);
    return new RepositoryClaims(claims, (app) => named.has(app) || !mayBeOwn(app));
  }

  /** Most commits leave most apps as they are: of those, nothing is read again. */
  async #claimOf(settings: AppSettings, commit: CommitId): Promise<Claim> {
    const { repository, reconcilers } = this.#options;
    const { name } = settings;
    const tree = await repository.treeAt(commit, settings.path);
    const last = this.#last.get(name);
    if (last !== undefined && last.settings === settings && last.tree === tree) return last.claim;
    const claim = await (reconcilers.get(name)?.claim(commit) ?? this.#readClaim(settings, commit));
    if (claim.isOwn && tree !== null) this.#last.set(name, { settings, tree, claim });
    else this.#last.delete(name);
    return claim;
  }

  async #readClaim({ name, path, namespace }: AppSettings, commit: CommitId): Promise<Claim> {
    const { repository, limits, definitions: given } = this.#options;
    const elsewhere: DefinitionsAt = (at, signal) => this.definitions(name, at, signal);
    const source = new AppSource(repository, { path, namespace }, null, limits, { given, elsewhere });
    return claimOf(name, await source.snapshot(commit, null, NEVER));
  }
}
