/** `trueup rollout resume`: a commit that lets template changes roll out again. */
import { TrueupError } from "../../model/errors.ts";
import type { Deployment } from "../../model/workload.ts";
import { CHANGE_OPTIONS, changeDeployment } from "../change/edit.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  options: CHANGE_OPTIONS,
  examples: [{ line: "trueup rollout resume deployment/web --wait", does: "roll out what was collected" }],
  async run(context, invocation) {
    return changeDeployment(context, invocation, invocation.args, "resume", ({ declared }) => {
      const { metadata, spec } = declared.object as Deployment;
      if (spec.paused !== true) throw new TrueupError("invalid", `deployments.apps "${metadata.name}" is not paused`);
      return {
        edits: [{ op: "remove", path: ["spec", "paused"] }],
        message: `Resume the rollout of deployment/${metadata.name}`,
        done: "resumed",
      };
    });
  },
};
