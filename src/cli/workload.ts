/** Workloads as commands name them. Deployments are the one kind that rolls out. */
import { TrueupError } from "../model/errors.ts";
import { type ObjectName, readObjectName } from "./kinds.ts";

/**
 * @param doing What is to be done with it: `follow`, `scale`
 * @throws {TrueupError} `usage` when it is no Deployment
 */
export function readDeployment(args: readonly string[], doing: string): ObjectName {
  const named = readObjectName(args);
  if (named.kind.kind === "Deployment") return named;
  throw new TrueupError(
    "usage",
    `Cannot ${doing} ${named.kind.singular}/${named.name} as it must be a deployment: only those roll out.`,
    { hint: "trueup get deployments lists them." },
  );
}
