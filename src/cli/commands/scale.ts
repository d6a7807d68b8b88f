/** `trueup scale`: a commit that changes how many replicas a workload has. */
import { TrueupError } from "../../model/errors.ts";
import { CHANGE_OPTIONS, changeDeployment } from "../change/edit.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  options: [{ flags: "--replicas <number>", summary: "how many it is to have" }, ...CHANGE_OPTIONS],
  examples: [{ line: "trueup scale deployment/web --replicas 5", does: "commit the new number" }],
  async run(context, invocation) {
    const replicas = invocation.count("replicas");
    if (replicas === undefined) {
      throw new TrueupError("usage", "Cannot scale as the number must be given: use --replicas.");
    }
    return changeDeployment(context, invocation, invocation.args, "scale", ({ declared }) => ({
      edits: [{ op: "set", path: ["spec", "replicas"], value: replicas }],
      message: `Scale deployment/${declared.id.name} to ${replicas}`,
      done: "scaled",
    }));
  },
};
