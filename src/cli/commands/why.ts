/** `trueup why`: where the values of a live object come from, and what is behind it when it is not well. */
import type { Command } from "../command.ts";
import { readObjectName } from "../kinds.ts";
import { dataFormat, NAMESPACE_OPTION, namespaceOf, OUTPUT_OPTION, printData } from "../options.ts";
import { whyText } from "../print/why.ts";

export const command: Command = {
  options: [NAMESPACE_OPTION, OUTPUT_OPTION],
  examples: [
    {
      line: "trueup why deployment/web",
      does: "each value with its manifest's line, commit and author, or who else set it",
    },
    { line: "trueup why deployment/web spec.replicas", does: "one field; its end is enough, as in: image" },
    { line: "trueup why service/web", does: "when nothing answers: the chain from the symptom to the commit" },
  ],
  details:
    "Values of Secrets are masked. Lines and authors are those of the commit that was applied, not of the work tree.",
  async run(context, invocation) {
    const [first = "", second, third] = invocation.args;
    const isOne = first.includes("/");
    const { kind, name } = readObjectName(isOne ? [first] : second === undefined ? [first] : [first, second]);
    const field = isOne ? second : third;
    if (isOne && third !== undefined) readObjectName(invocation.args);
    const client = await context.connect();
    const namespace = kind.namespaced ? namespaceOf(invocation) : "";
    const query = { group: kind.group, kind: kind.kind, namespace, name, ...(field !== undefined && { field }) };
    const answer = await client.why(query, context.signal);
    const format = dataFormat(invocation);
    if (format !== undefined) await printData(context.out, format, answer);
    else await context.out.write(whyText(answer, { style: context.out.style, isWhole: field === undefined }));
    return 0;
  },
};
