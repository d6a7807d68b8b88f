/** `trueup rollout status`: follows a rollout to its end, and says what it waits for. */

import { tellIfNotApplied, waitForHead } from "../change/wait.ts";
import type { Command } from "../command.ts";
import { readDuration } from "../duration.ts";
import { queryFor } from "../find-object.ts";
import { followRollout } from "../follow-rollout.ts";
import { NAMESPACE_OPTION, namespaceOf } from "../options.ts";
import { readDeployment } from "../workload.ts";

export const command: Command = {
  options: [
    { flags: "--timeout <duration>", summary: "give up after this long, as 30s or 5m (default: never)" },
    { flags: "--no-watch", summary: "print the present state and end" },
    { flags: "--revision <number>", summary: "fail when another revision is running" },
    NAMESPACE_OPTION,
  ],
  examples: [
    { line: "trueup rollout status deployment/web", does: "wait for the rollout under way" },
    { line: "trueup rollout status deployment/web --timeout 2m && ./smoke-test", does: "in a script" },
  ],
  details:
    "Exits 0 when the rollout is complete; 1 when it failed, the time was up, or what rolled out is not the head, as that " +
    "was rejected or rolled back.",
  async run(context, invocation) {
    const { kind, name } = readDeployment(invocation.args, "follow");
    const timeout = invocation.text("timeout");
    const timeoutMs = timeout === undefined ? undefined : readDuration("timeout", timeout);
    const once = invocation.flag("no-watch");
    const revision = invocation.count("revision") ?? 0;
    const client = await context.connect();
    const told = once ? new Set<string>() : await waitForHead(context, client, timeoutMs);
    const limit = timeoutMs === 0 ? undefined : timeoutMs;
    await followRollout(context, client, {
      name,
      namespace: namespaceOf(invocation),
      revision,
      once,
      timeoutMs: limit,
    });
    const isOther =
      !once && (await tellIfNotApplied(context, client, queryFor(kind, namespaceOf(invocation), name), told));
    return isOther ? 1 : 0;
  },
};
