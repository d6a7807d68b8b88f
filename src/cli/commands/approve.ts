/** `trueup approve`: lets the held deletions of the plan with this digest go ahead. */
import { TrueupError } from "../../model/errors.ts";
import type { Command } from "../command.ts";
import { decider } from "../decide.ts";

/** Digits of a digest that are enough to name a plan: nobody types all 64. */
const SHORTEST_PREFIX = 8;

export const command: Command = {
  options: [
    {
      flags: "--app <name>",
      summary: "the app whose plan it is (default: the one with that digest)",
      completes: "app",
    },
  ],
  examples: [
    { line: "trueup approve 3f2c1aa9", does: "delete what the plan that status shows deletes, and nothing else" },
    { line: "trueup approve 3f2c1aa9 --app web", does: "the same, naming the app" },
  ],
  details:
    "A digest stands for a commit, an app and the exact operations. The approval counts only if planning again gives the " +
    "same digest; otherwise nothing is deleted. Who approved is written to the ledger (trueup log -o json).",
  async run(context, invocation) {
    const [typed = ""] = invocation.args;
    const digits = typed.replace(/^sha256:/, "");
    if (!/^[0-9a-f]+$/.test(digits) || digits.length < SHORTEST_PREFIX || digits.length > 64) {
      throw new TrueupError(
        "usage",
        `Cannot approve a plan as its digest must be at least ${SHORTEST_PREFIX} hexadecimal digits: it is "${typed}".`,
        { hint: "trueup status shows the digest of a plan that waits." },
      );
    }
    const only = invocation.text("app");
    const client = await context.connect();
    const { apps } = await client.status(context.signal);
    const found = apps.filter(
      ({ app, planDigest }) =>
        (only === undefined || app === only) && planDigest?.startsWith(`sha256:${digits}`) === true,
    );
    const [app] = found;
    if (app === undefined || app.planDigest === null || found.length !== 1) {
      const waiting = apps.filter(({ held }) => held.length > 0).map((each) => `${each.app} ${each.planDigest ?? ""}`);
      throw new TrueupError(
        "conflict",
        `Cannot approve ${typed} as one plan that waits must have this digest: ${found.length === 0 ? "none has" : `${found.length} have`}.`,
        { hint: waiting.length === 0 ? "No plan waits for approval." : `What waits: ${waiting.join("; ")}.` },
      );
    }
    await client.approve({ app: app.app, digest: app.planDigest, by: decider() }, context.signal);
    await context.out.line(`approved: ${app.app} deletes what was held`);
    return 0;
  },
};
