/** `trueup validate`: checks manifests in files or on stdin; needs no daemon and no commit. */
import { createHash } from "node:crypto";
import { readdirSync, readFileSync, statSync } from "node:fs";
import { join, relative, resolve } from "node:path";
import { parseApps, REPOSITORY_CONFIG } from "../../daemon/apps.ts";
import { isManifestPath } from "../../manifest/parse.ts";
import { compareDiagnostics, type Diagnostic, isError } from "../../model/diagnostic.ts";
import { messageOf, TrueupError } from "../../model/errors.ts";
import { asObjectHash, type ObjectHash } from "../../model/source.ts";
import { imageUses } from "../../reconcile/images.ts";
import { checkImageRules, KUBERNETES_VERSIONS } from "../../validation/index.ts";
import type { Command, CommandContext, Invocation } from "../command.ts";
import { type CheckContext, checkApp, parseFiles, type SourceFile } from "../manifests.ts";
import { dataFormat, OUTPUT_OPTION, printData } from "../options.ts";
import { countText, printDiagnostics } from "../print-diagnostics.ts";

export const command: Command = {
  options: [
    { flags: "-n, --namespace <name>", summary: "namespace of objects that name none (default: default)" },
    {
      flags: "--kubernetes-version <version>",
      summary: `schemas to check with (default: what trueup.yaml says, else ${KUBERNETES_VERSIONS.at(-1)})`,
      choices: KUBERNETES_VERSIONS,
    },
    OUTPUT_OPTION,
  ],
  examples: [
    { line: "trueup validate", does: "check all manifests below this directory" },
    { line: "trueup validate deploy/ extra.yaml", does: "check these together" },
    { line: "trueup validate --kubernetes-version 1.34", does: "find what an older cluster does not serve" },
    { line: "helm template chart | trueup validate -", does: "check what another tool printed" },
  ],
  details:
    "Directories are searched for .yaml, .yml and .json files; images/ and names that begin with a dot are passed over.\n" +
    "Where this directory has a trueup.yaml, that is checked too, and each app that it names by itself.\n" +
    "Exits 0 when there is no error, 1 when there is one, 2 when something could not be read.",
  async run(context, invocation) {
    const namespace = invocation.text("namespace");
    const kubernetesVersion = invocation.text("kubernetes-version");
    const config = invocation.args.length === 0 && namespace === undefined ? readConfig(context.cwd) : null;
    const { files, diagnostics } =
      config === null
        ? await checkOne(context, invocation, { defaultNamespace: namespace ?? "default", kubernetesVersion })
        : await checkApps(context, config, kubernetesVersion);
    diagnostics.sort(compareDiagnostics);
    const format = dataFormat(invocation);
    if (format !== undefined) await printData(context.out, format, diagnostics);
    else {
      const texts = new Map(files.map(({ file, text }) => [file, text]));
      await printDiagnostics(context, diagnostics, (file) => texts.get(file));
      await context.out.line(countText(diagnostics, files.length));
    }
    return diagnostics.some(isError) ? 1 : 0;
  },
};

interface Checked {
  files: SourceFile[];
  diagnostics: Diagnostic[];
}

/** What is named, or all of this directory, as one app. */
async function checkOne(context: CommandContext, { args }: Invocation, check: CheckContext): Promise<Checked> {
  const paths = args.length === 0 ? ["."] : args;
  const files = await readAll(context, paths);
  if (files.length === 0) {
    throw new TrueupError("usage", `Cannot find a manifest in ${paths.join(", ")}.`, {
      hint: "Manifests are files that end in .yaml, .yml or .json.",
    });
  }
  return { files, diagnostics: checkApp(parseFiles(files, check.defaultNamespace), check) };
}

/** `trueup.yaml` itself, and each app that it names by itself, as the daemon would at a commit. */
async function checkApps(context: CommandContext, config: SourceFile, version: string | undefined): Promise<Checked> {
  const { apps, diagnostics } = parseApps(config.text);
  const files = [config];
  const found = [...diagnostics];
  for (const { path, namespace, images, kubernetesVersion } of apps) {
    const own = await readAll(context, [path === "" ? "." : path]);
    const app = parseFiles(own, namespace);
    const named = app.declared.flatMap((declared) => imageUses(declared));
    const check = { defaultNamespace: namespace, kubernetesVersion: version ?? kubernetesVersion };
    found.push(...checkApp(app, check), ...checkImageRules(named, images));
    files.push(...own);
  }
  return { files, diagnostics: found };
}

/** The `trueup.yaml` of this directory; null when there is none. */
function readConfig(cwd: string): SourceFile | null {
  try {
    return sourceFile(REPOSITORY_CONFIG, readFileSync(join(cwd, REPOSITORY_CONFIG)));
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw new TrueupError("usage", `Cannot read ${REPOSITORY_CONFIG}: ${messageOf(error)}`, { cause: error });
  }
}

async function readAll(context: CommandContext, paths: readonly string[]): Promise<SourceFile[]> {
  const files = new Map<string, SourceFile>();
  for (const path of paths) {
    for (const file of path === "-" ? [await readStdin(context)] : readPath(context.cwd, path)) {
      files.set(file.file, file);
    }
  }
  return [...files.values()].sort((a, b) => (a.file < b.file ? -1 : 1));
}

async function readStdin({ stdin }: CommandContext): Promise<SourceFile> {
  const chunks: Buffer[] = [];
  for await (const chunk of stdin) chunks.push(Buffer.from(chunk));
  return sourceFile("(stdin)", Buffer.concat(chunks));
}

/**
 * A file as it is, whatever its name; of a directory, what the daemon would read there. One read after the other, without
 * going through the event loop: of thousands of small files that is a third of the time.
 */
function readPath(cwd: string, path: string): SourceFile[] {
  const absolute = resolve(cwd, path);
  const found = readable(path, () => statSync(absolute));
  if (!found.isDirectory()) return [readOne(cwd, absolute)];
  return manifestsBelow(absolute, "").map((name) => readOne(cwd, join(absolute, name)));
}

/** Paths below a directory, relative to it. Symbolic links are passed over, as git's are. */
function manifestsBelow(root: string, below: string): string[] {
  const entries = readable(join(root, below), () => readdirSync(join(root, below), { withFileTypes: true }));
  const found: string[] = [];
  for (const entry of entries) {
    const path = below === "" ? entry.name : `${below}/${entry.name}`;
    // What a file of the directory would be tells whether the directory is read at all.
    if (entry.isDirectory() && isManifestPath(`${path}/any.yaml`)) found.push(...manifestsBelow(root, path));
    else if (entry.isFile() && isManifestPath(path)) found.push(path);
  }
  return found;
}

function readOne(cwd: string, absolute: string): SourceFile {
  const shown = relative(cwd, absolute);
  const name = shown.startsWith("..") ? absolute : shown;
  return sourceFile(
    name,
    readable(name, () => readFileSync(absolute)),
  );
}

function sourceFile(file: string, content: Buffer): SourceFile {
  return { file, blob: blobHash(content), text: content.toString("utf8") };
}

/** git's id of a blob with this content. */
function blobHash(content: Buffer): ObjectHash {
  const hash = createHash("sha1").update(`blob ${content.length}\0`).update(content);
  return asObjectHash(hash.digest("hex"));
}

/** What cannot be read makes exit code 2, so that a script can tell it from an invalid manifest. */
function readable<T>(path: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") {
      throw new TrueupError("usage", `Cannot read ${path} as it must be there: there is no such file or directory.`);
    }
    throw new TrueupError("usage", `Cannot read ${path}: ${messageOf(error)}`, { cause: error });
  }
}
