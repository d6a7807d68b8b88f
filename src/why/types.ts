/** What `why` answers: where each value of a live object comes from, and why it is not well. */
import type { Health } from "../model/health.ts";
import type { ObjectId } from "../model/object.ts";
import type { CommitId } from "../model/source.ts";

/**
 * - `git`: a manifest says so. `default`: the API fills it in. `server`: the API server's own. `controller`: a controller's.
 * - `trueup`: trueup's own bookkeeping. `drift`: differs from what was applied. `other`: nothing that trueup applied.
 */
export type OriginKind = "git" | "default" | "server" | "controller" | "trueup" | "drift" | "other";

/** A place in a manifest, with the commit that wrote it there. */
export interface Place {
  file: string;
  line: number;
  column: number;
  /** Absent when git cannot tell any more. */
  commit?: CommitId;
  author?: string;
  /** RFC 3339, UTC. */
  authoredAt?: string;
  subject?: string;
}

/** One value of the live object and where it comes from. Values of Secrets are masked. */
export interface FieldOrigin {
  path: string;
  /** Absent when git declares it and the live object lacks it. */
  value?: unknown;
  origin: OriginKind;
  /** Who or what set it, in words: `default of the API (apps/v1)`, `deployment-controller`. */
  by: string;
  /** Of a drifted value: what git declares. */
  declared?: unknown;
  /** Where git declares it. */
  place?: Place;
}

/** One link of the chain from a symptom to its cause. */
export interface ChainLink {
  /** The object or thing that it is about: `service/web`, `pod/web-5d4-x`, `log`, `change`, `attempt`. */
  about: string;
  text: string;
  place?: Place;
}

export interface WhyAnswer {
  object: ObjectId;
  /** App that applied it, or what it belongs to; null when none did. */
  app: string | null;
  /** Commit that was applied and declares it; null when none does. */
  commit: CommitId | null;
  health: Health;
  /** From the symptom to the commit; empty when all is well. */
  chain: ChainLink[];
  fields: FieldOrigin[];
  /** What could not be found out, and why. */
  notes: string[];
}
