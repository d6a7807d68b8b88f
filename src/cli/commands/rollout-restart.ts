/** `trueup rollout restart`: a commit that replaces all pods, as a rolling update with nothing else changed. */
import { TrueupError } from "../../model/errors.ts";
import { timestamp } from "../../model/object.ts";
import { ANNOTATION, type Deployment } from "../../model/workload.ts";
import { CHANGE_OPTIONS, changeDeployment } from "../change/edit.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  options: CHANGE_OPTIONS,
  examples: [{ line: "trueup rollout restart deployment/web --wait", does: "new pods, one after the other" }],
  async run(context, invocation) {
    return changeDeployment(context, invocation, invocation.args, "restart", ({ declared }) => {
      const { metadata, spec } = declared.object as Deployment;
      if (spec.paused === true) {
        throw new TrueupError("invalid", "can't restart paused deployment (run rollout resume first)");
      }
      const path = ["spec", "template", "metadata", "annotations", ANNOTATION.restartedAt];
      return {
        edits: [{ op: "set", path, value: timestamp(context.clock.now()) }],
        message: `Restart deployment/${metadata.name}`,
        done: "restarted",
      };
    });
  },
};
