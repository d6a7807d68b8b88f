/** `trueup retry`: tries an app's head again after it failed, was rejected, or was rolled back. */
import type { AppPhase } from "../../model/status.ts";
import type { Command } from "../command.ts";
import { chooseApp, decider } from "../decide.ts";

const RETRIABLE: ReadonlySet<AppPhase> = new Set(["Failed", "Rejected", "RolledBack", "Unreadable"]);

export const command: Command = {
  options: [],
  examples: [
    { line: "trueup retry", does: "try the failed commit again, as it is" },
    { line: "trueup retry web", does: "the same, of the app web" },
  ],
  details:
    "For a failure whose cause lies elsewhere and is gone: a missing image that was built since, a full disk. A commit that " +
    "is wrong itself needs another commit: trueup revert, or a fix. A retry is a new attempt with a row of its own.",
  async run(context, invocation) {
    const [name] = invocation.args;
    const client = await context.connect();
    const { app } = await chooseApp(client, name, ({ phase }) => RETRIABLE.has(phase), "retry", context.signal);
    await client.retry({ app, by: decider() }, context.signal);
    await context.out.line(`retrying the head of ${app}; trueup status says how it goes`);
    return 0;
  },
};
