/** `trueup discard`: ends an attempt whose deletions are held, without making them. */
import type { Command } from "../command.ts";
import { chooseApp, decider } from "../decide.ts";

export const command: Command = {
  options: [],
  examples: [
    { line: "trueup discard", does: "keep what the held deletions would remove" },
    { line: "trueup discard web", does: "the same, of the app web" },
  ],
  details:
    "The objects stay and run on, though git no longer declares them. The next commit plans their deletion again, and holds " +
    "it again: declare them, or annotate them trueup/prune: disabled, to keep them for good.",
  async run(context, invocation) {
    const [name] = invocation.args;
    const client = await context.connect();
    const isHeld = ({ phase }: { phase: string }): boolean => phase === "Held";
    const { app } = await chooseApp(client, name, isHeld, "discard what is held of", context.signal);
    await client.discard({ app, by: decider() }, context.signal);
    await context.out.line(`discarded: ${app} keeps what was held`);
    return 0;
  },
};
