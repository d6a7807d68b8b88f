/** The ledger in the cluster: the suite of all ledgers, on a scripted API server. */
import { openClusterLedger } from "../../src/ledger/cluster-ledger.ts";
import type { DurableLedger } from "../../src/model/ledger.ts";
import { VirtualClock } from "../../src/util/clock.ts";
import { seededRandom } from "../../src/util/random.ts";
import { ScriptedKubeApi } from "../support/scripted-kube-api.ts";
import { ledgerSuite } from "./ledger.suite.ts";

ledgerSuite("in the cluster", {
  newHome: async () => {
    const api = new ScriptedKubeApi();
    const random = seededRandom(1);
    const ledgers: DurableLedger[] = [];
    return {
      async open() {
        const rest = { namespace: "ops", name: "trueup-ledger", clock: new VirtualClock(), holder: "test", random };
        // Few to a segment and few in memory, so that short histories meet every case.
        const ledger = await openClusterLedger({ api, ...rest, limits: { bytes: 60_000, entries: 3 }, keptOfApp: 1 });
        ledgers.push(ledger);
        return ledger;
      },
      async leave() {
        for (const ledger of ledgers) await ledger.close();
      },
    };
  },
  runs: 100,
});
