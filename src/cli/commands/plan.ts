/** `trueup plan`: what a revision would change, in the order in which it would. */
import type { Command } from "../command.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import { plansOf } from "../plans.ts";
import { printDiagnostics } from "../print-diagnostics.ts";

export const command: Command = {
  options: [
    { flags: "--app <name>", summary: "only of this app", completes: "app" },
    { flags: "--adopt", summary: "as if objects that are there and that no app applied were taken over" },
    OUTPUT_OPTION,
  ],
  examples: [
    { line: "trueup plan", does: "what the head of the ref would still change" },
    { line: "trueup plan my-branch", does: "what merging a branch's tip would change" },
    { line: "trueup plan --adopt", does: "what trueup run --adopt would overwrite of objects that others made" },
    { line: "trueup plan HEAD~1 -o json", does: "for a script, with the plan's digest" },
  ],
  details:
    "Changes nothing. Exits 1 when the revision is invalid. Of several apps, -o json and yaml print a list of plans.",
  async run(context, invocation) {
    const [revision] = invocation.args;
    const app = invocation.text("app");
    const client = await context.connect();
    const plans = await plansOf(client, { app, revision, adopt: invocation.flag("adopt") }, context.signal);
    const format = dataFormat(invocation);
    if (format !== undefined) await printData(context.out, format, plans.length === 1 ? plans[0] : plans);
    else {
      for (const plan of plans) {
        await printDiagnostics(context, plan.diagnostics);
        if (plan.kind === "planned") await context.out.line(plan.text);
      }
    }
    return plans.every(({ kind }) => kind === "planned") ? 0 : 1;
  },
};
