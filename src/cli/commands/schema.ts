/** `trueup schema`: prints the schemas that manifests are checked against as plain JSON Schemas, for editors and other tools. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join, resolve } from "node:path";
import { messageOf, TrueupError } from "../../model/errors.ts";
// Not through the folder's index: that would load the checks of all kinds' rules for a command that checks nothing.
import { KUBERNETES_VERSIONS } from "../../validation/schemas/index.ts";
import { plainFileName, plainKinds, plainSchemaOf, plainSchemaOfAll } from "../../validation/schemas/plain.ts";
import type { Command } from "../command.ts";
import { OUTPUT_OPTION, printData } from "../options.ts";

/** The schema for manifests of any kind, beside one for each. */
const ALL_FILE = "all.json";

export const command: Command = {
  options: [
    {
      flags: "--kubernetes-version <version>",
      summary: `whose schemas (default: ${KUBERNETES_VERSIONS.at(-1)})`,
      choices: KUBERNETES_VERSIONS,
    },
    {
      flags: "--dir <directory>",
      summary: "write a file for each kind, and one for all, there",
      completes: "directory",
    },
    OUTPUT_OPTION,
  ],
  examples: [
    {
      line: "trueup schema > .vscode/kubernetes.json",
      does: "one schema for all manifests, chosen by apiVersion and kind",
    },
    { line: "trueup schema Deployment", does: "the schema of one kind" },
    {
      line: "trueup schema --kubernetes-version 1.34 --dir schemas/",
      does: "a file for each kind, as kubeconform looks for them",
    },
  ],
  details:
    "The schemas are draft-07 and refuse unknown fields. For an editor with yaml-language-server, write one and name it in the " +
    'setting yaml.schemas: { ".vscode/kubernetes.json": "deploy/**/*.yaml" }. Rules that no schema can say are left to ' +
    "trueup validate.",
  async run({ cwd, out }, invocation) {
    const version = invocation.text("kubernetes-version") ?? KUBERNETES_VERSIONS.at(-1) ?? "";
    const [kind] = invocation.args;
    const directory = invocation.text("dir");
    if (directory !== undefined) {
      if (kind !== undefined) {
        throw new TrueupError("usage", `Cannot write ${kind} as --dir takes no kind: it writes all of them.`);
      }
      const count = writeAll(resolve(cwd, directory), version);
      await out.line(`${count} kinds of Kubernetes ${version} written to ${directory}`);
      return 0;
    }
    const schema = kind === undefined ? plainSchemaOfAll(version) : plainSchemaOf(version, findKind(version, kind));
    await printData(out, invocation.text("output") === "yaml" ? "yaml" : "json", schema);
    return 0;
  },
};

/** `Deployment`, or `autoscaling/v1/HorizontalPodAutoscaler` where its API version matters; else the most stable one. */
function findKind(version: string, asked: string): { apiVersion: string; kind: string } {
  const named = plainKinds(version).filter(
    ({ apiVersion, kind }) =>
      kind.toLowerCase() === asked.toLowerCase() || `${apiVersion}/${kind}`.toLowerCase() === asked.toLowerCase(),
  );
  const stable = named.filter(({ apiVersion }) => /(?:^|\/)v\d+$/.test(apiVersion));
  const found = (stable.length === 0 ? named : stable).at(-1);
  if (found !== undefined) return found;
  throw new TrueupError(
    "usage",
    `Cannot find "${asked}" as it must be a kind of Kubernetes ${version}: there is none.`,
    {
      hint: "Write it as manifests do: Deployment, or apps/v1/Deployment.",
    },
  );
}

/** @returns How many kinds */
function writeAll(directory: string, version: string): number {
  const kinds = plainKinds(version);
  try {
    mkdirSync(directory, { recursive: true });
    for (const kind of kinds) {
      writeFileSync(join(directory, plainFileName(kind)), `${JSON.stringify(plainSchemaOf(version, kind))}\n`);
    }
    writeFileSync(join(directory, ALL_FILE), `${JSON.stringify(plainSchemaOfAll(version))}\n`);
  } catch (error) {
    if (!(error instanceof Error && "code" in error)) throw error;
    throw new TrueupError("usage", `Cannot write to ${directory}: ${messageOf(error)}`, { cause: error });
  }
  return kinds.length;
}
