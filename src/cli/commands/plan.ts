/** `trueup plan`: what a revision would change, in the order in which it would. */
import type { Command } from "../command.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import { printDiagnostics } from "../print-diagnostics.ts";

export const command: Command = {
  options: [{ flags: "--app <name>", summary: "app to plan, when the daemon has several" }, OUTPUT_OPTION],
  examples: [
    { line: "trueup plan", does: "what the head of the ref would still change" },
    { line: "trueup plan my-branch", does: "what merging a branch's tip would change" },
    { line: "trueup plan HEAD~1 -o json", does: "for a script, with the plan's digest" },
  ],
  details: "Changes nothing. Exits 1 when the revision is invalid.",
  async run(context, invocation) {
    const [revision] = invocation.args;
    const app = invocation.text("app");
    const client = await context.connect();
    const query = { ...(app !== undefined && { app }), ...(revision !== undefined && { revision }) };
    const plan = await client.plan(query, context.signal);
    const format = dataFormat(invocation);
    if (format !== undefined) await printData(context.out, format, plan);
    else {
      await printDiagnostics(context, plan.diagnostics);
      if (plan.kind === "planned") await context.out.line(plan.text);
    }
    return plan.kind === "planned" ? 0 : 1;
  },
};
