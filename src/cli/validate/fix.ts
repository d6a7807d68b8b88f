/** `validate --fix`: mends files on disk, or shows what it would do. */
import { readFileSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { lineDiff } from "../../diff/lines.ts";
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import { messageOf, TrueupError } from "../../model/errors.ts";
import { type FixResult, fixText } from "../../validation/fix/index.ts";
import { FramedSource } from "../../validation/output/frame.ts";
import type { CommandContext } from "../command.ts";
import type { SourceFile } from "../manifests.ts";
import { printable } from "../print/escape.ts";
import { type CheckRequest, checkSource } from "./check.ts";
import type { DiskSource, ManifestSource } from "./sources.ts";

/**
 * Mends what can be mended, and says so on stderr.
 *
 * @returns What holds the files as they are then, also after a dry run: checking it says what is left
 */
export async function fixFiles(
  context: CommandContext,
  disk: DiskSource,
  request: CheckRequest,
  dryRun: boolean,
): Promise<ManifestSource> {
  const { files, diagnostics } = await checkSource(disk, request);
  const broken = new Set(diagnostics.map(({ location }) => location.file));
  const mended = new Map<string, FixResult>();
  for (const { file, text } of files) {
    // Bytes that were no UTF-8 are lost in the text: writing it back would make that last.
    if (!broken.has(file) || text.includes("\uFFFD")) continue;
    const result = fixText(file, text, request.namespace ?? "default");
    if (result.fixed.length > 0) mended.set(file, result);
  }
  const result = new MendedSource(disk, mended);
  if (mended.size > 0 && bringsErrors((await checkSource(result, request)).diagnostics, diagnostics)) {
    await context.err.line("nothing was mended: together the fixes would bring errors between objects");
    return disk;
  }
  for (const source of files) {
    const { text, fixed } = mended.get(source.file) ?? { text: source.text, fixed: [] };
    if (fixed.length === 0) continue;
    if (dryRun) await context.out.write(maskedDiff(source, text));
    else writeBack(context.cwd, source, text);
    for (const { line, does, rule } of fixed) {
      const verb = dryRun ? "would be fixed" : "fixed";
      await context.err.line(printable(`${source.file}:${line}: ${verb}: ${does} [${rule}]`));
    }
  }
  return dryRun ? result : disk;
}

/** The disk with its files as mended. */
class MendedSource implements ManifestSource {
  readonly #disk: DiskSource;
  readonly #mended: ReadonlyMap<string, FixResult>;

  constructor(disk: DiskSource, mended: ReadonlyMap<string, FixResult>) {
    this.#disk = disk;
    this.#mended = mended;
  }

  config(): Promise<SourceFile | null> {
    return this.#disk.config();
  }

  hasDirectory(path: string): Promise<boolean> {
    return this.#disk.hasDirectory(path);
  }

  async read(path: string): Promise<SourceFile[]> {
    const files = await this.#disk.read(path);
    return files.map((each) => {
      const text = this.#mended.get(each.file)?.text;
      return text === undefined ? each : this.#disk.file(each.file, Buffer.from(text));
    });
  }
}

/** Whether the objects, together, have an error that they had not. */
function bringsErrors(after: readonly Diagnostic[], before: readonly Diagnostic[]): boolean {
  const count = (rule: string, all: readonly Diagnostic[]): number =>
    all.filter((each) => isError(each) && each.rule === rule).length;
  return after.some(({ rule }) => count(rule, after) > count(rule, before));
}

function maskedDiff({ file, text }: SourceFile, after: string): string {
  const [old, next] = [text, after].map((each) => new FramedSource(file, each).masked());
  const name = printable(file);
  if (old === null || old === undefined || next === null || next === undefined)
    return `${name}: not shown, as it may hold a Secret\n`;
  return lineDiff(old.join("\n"), next.join("\n"), `a/${name}`, `b/${name}`);
}

/** Writes beside the file and renames, so that a crash leaves the one or the other text. */
function writeBack(cwd: string, { file, text }: SourceFile, after: string): void {
  try {
    const path = realpathSync(resolve(cwd, file));
    if (readFileSync(path, "utf8") !== text) {
      throw new TrueupError("conflict", `Cannot fix ${file} as it must stay as it was read: it has changed meanwhile.`);
    }
    const beside = join(dirname(path), `.${process.pid}.trueup-fix`);
    try {
      writeFileSync(beside, after, { mode: statSync(path).mode & 0o7777, flag: "wx" });
      renameSync(beside, path);
    } catch (error) {
      rmSync(beside, { force: true });
      throw error;
    }
  } catch (error) {
    if (error instanceof TrueupError) throw error;
    throw new TrueupError("usage", `Cannot write ${file}: ${messageOf(error)}`, { cause: error });
  }
}
