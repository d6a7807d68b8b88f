/** `trueup rollout pause`: a commit that keeps template changes from rolling out. */
import { TrueupError } from "../../model/errors.ts";
import type { Deployment } from "../../model/workload.ts";
import { CHANGE_OPTIONS, changeDeployment } from "../change/edit.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  options: CHANGE_OPTIONS.filter(({ flags }) => !flags.includes("--wait")).concat({
    flags: "--wait",
    summary: "not of use here: a paused rollout does not end",
  }),
  examples: [{ line: "trueup rollout pause deployment/web", does: "collect changes, roll them out at resume" }],
  details: "Scaling still works while it is paused.",
  async run(context, invocation) {
    return changeDeployment(context, invocation, invocation.args, "pause", ({ declared }) => {
      const { metadata, spec } = declared.object as Deployment;
      if (spec.paused === true) {
        throw new TrueupError("invalid", `deployments.apps "${metadata.name}" is already paused`);
      }
      return {
        edits: [{ op: "set", path: ["spec", "paused"], value: true }],
        message: `Pause the rollout of deployment/${metadata.name}`,
        done: "paused",
      };
    });
  },
};
