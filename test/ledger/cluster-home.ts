/** A scripted API server with a ledger on it, and what tests do with both. */
import { openClusterLedger } from "../../src/ledger/cluster-ledger.ts";
import { verifyClusterLedger } from "../../src/ledger/cluster-verify.ts";
import type { DurableLedger, LedgerProof } from "../../src/model/ledger.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { ScriptedKubeApi } from "../support/scripted-kube-api.ts";

export const NAME = "trueup-ledger";

export class ClusterHome {
  readonly api: ScriptedKubeApi;
  readonly clock = new VirtualClock();
  readonly #random = seededRandom(1);
  readonly #ledgers: DurableLedger[] = [];
  #opened = 0;

  constructor(api = new ScriptedKubeApi()) {
    this.api = api;
  }

  /** Few to a segment and few in memory, so that short histories meet every case. */
  async open(limits = { bytes: 60_000, entries: 3 }, keptOfApp = 1): Promise<DurableLedger> {
    const holder = `daemon-${++this.#opened}`;
    const rest = { holder, random: this.#random, limits, keptOfApp };
    const ledger = await openClusterLedger({ ...this.place, ...rest });
    this.#ledgers.push(ledger);
    return ledger;
  }

  get place(): { api: ScriptedKubeApi; namespace: string; name: string; clock: VirtualClock } {
    return { api: this.api, namespace: "ops", name: NAME, clock: this.clock };
  }

  prove(expect?: string): Promise<LedgerProof> {
    return verifyClusterLedger(this.place, expect);
  }

  async leave(): Promise<void> {
    for (const ledger of this.#ledgers) await ledger.close();
  }
}
