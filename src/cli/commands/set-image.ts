/** `trueup set image`: a commit that gives a workload's containers other images. */
import { parseImageReference } from "../../model/image.ts";
import type { CommitId } from "../../model/source.ts";
import type { Deployment } from "../../model/workload.ts";
import { CHANGE_OPTIONS, changeDeployment } from "../change/edit.ts";
import { planImages, readAssignment } from "../change/images.ts";
import type { Workplace } from "../change/target.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  options: CHANGE_OPTIONS,
  examples: [
    {
      line: "trueup set image deployment/web web=web-server:v2",
      does: "commit the new image; the daemon rolls it out",
    },
    {
      line: "trueup set image deployment/web '*=web-server:v2' --wait",
      does: "all containers, and follow the rollout",
    },
    { line: "trueup set image deployment/web web=web-server:v2 --dry-run", does: "see the change first" },
  ],
  details: 'The image must name a version: no tag, and "latest", are refused.',
  async run(context, invocation) {
    const [target = "", ...words] = invocation.args;
    const assignments = words.map(readAssignment);
    return changeDeployment(
      context,
      invocation,
      [target],
      "set the image of",
      async ({ declared, head }, workplace) => {
        const deployment = declared.object as Deployment;
        const { edits, images } = planImages(deployment.spec.template, assignments);
        return {
          edits,
          message: `Set image of deployment/${deployment.metadata.name} to ${images.join(", ")}`,
          done: "image updated",
          warnings: await missingImages(workplace, head, images, context.signal),
        };
      },
    );
  },
};

/** Images without a directory in the commit: unless a configured image path has them, their pods cannot start here. */
async function missingImages(
  { repository, daemon }: Workplace,
  head: CommitId,
  images: readonly string[],
  signal: AbortSignal,
): Promise<string[]> {
  const warnings: string[] = [];
  // The nodes of a cluster fetch them from wherever they are.
  if (daemon !== null && (await daemon.client.status(signal)).target.kind === "kubernetes") return warnings;
  for (const image of images) {
    const reference = parseImageReference(image);
    if (reference?.tag === undefined) continue;
    const directory = `images/${reference.name}/${reference.tag}`;
    if ((await repository.treeAt(head, directory)) !== null) continue;
    warnings.push(`there is no directory ${directory} in the repository: its pods start only if an image path has it`);
  }
  return warnings;
}
