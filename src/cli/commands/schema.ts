/** `trueup schema`: the JSON Schema of all built-in kinds, for editors. */
import { DEFAULT_KUBERNETES_VERSION, KUBERNETES_VERSIONS } from "../../validation/index.ts";
import { editorSchema } from "../../validation/schemas/editor.ts";
import type { Command } from "../command.ts";

export const command: Command = {
  options: [
    {
      flags: "--kubernetes-version <version>",
      summary: `version of the schemas (default: ${DEFAULT_KUBERNETES_VERSION})`,
      choices: KUBERNETES_VERSIONS,
    },
  ],
  examples: [{ line: "trueup schema > .kubernetes.schema.json", does: "write what an editor completes and checks by" }],
  details:
    "For yaml-language-server, in the editor's settings:  yaml.schemas: { ./.kubernetes.schema.json: deploy/**/*.yaml }\n" +
    "or in the first line of a file:  # yaml-language-server: $schema=../.kubernetes.schema.json",
  async run({ out }, invocation) {
    const version = invocation.text("kubernetes-version") ?? DEFAULT_KUBERNETES_VERSION;
    await out.line(JSON.stringify(editorSchema(version)));
    return 0;
  },
};
