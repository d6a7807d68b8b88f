/** The backends that a listener may send to now, kept while others join and leave. */
import type { ProxyBackend } from "../proxy-contract.ts";
import { type Candidate, pickNext, turnsOnJoining } from "./pick.ts";

/** A backend with its counts. */
export interface Member extends Candidate {
  readonly backend: ProxyBackend;
}

/** Only those in the set are picked; one that left is never picked again, from the moment `replace` was called. */
export class BackendSet<M extends Member> {
  readonly #members = new Map<string, M>();
  readonly #create: (backend: ProxyBackend, turns: number) => M;
  readonly #retire: (member: M) => void;

  /**
   * @param create Makes the member of a backend that joins, with the turns it starts with
   * @param retire Called for each member that left
   */
  constructor(create: (backend: ProxyBackend, turns: number) => M, retire: (member: M) => void = () => undefined) {
    this.#create = create;
    this.#retire = retire;
  }

  get size(): number {
    return this.#members.size;
  }

  /** Makes the set exactly these. Those that stay keep their place and counts; the same one named twice counts once. */
  replace(backends: readonly ProxyBackend[]): void {
    const wanted = new Map(backends.map((backend) => [identityOf(backend), backend]));
    for (const [identity, member] of this.#members) {
      if (wanted.has(identity)) continue;
      this.#members.delete(identity);
      this.#retire(member);
    }
    const turns = turnsOnJoining(this.#members.values());
    for (const [identity, backend] of wanted) {
      if (!this.#members.has(identity)) this.#members.set(identity, this.#create(backend, turns));
    }
  }

  /** Takes the member whose turn it is, or `undefined` when all are passed over or there is none. */
  take(passOver?: ReadonlySet<M>): M | undefined {
    const member = pickNext(this.#members.values(), passOver);
    if (member !== undefined) member.turns++;
    return member;
  }
}

function identityOf({ podUid, host, port }: ProxyBackend): string {
  return `${podUid} ${host} ${port}`;
}
