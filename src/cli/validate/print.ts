/** Prints what `validate` found, in the form that was asked for. */
import { type Diagnostic, isError } from "../../model/diagnostic.ts";
import type { OutputContext } from "../../validation/output/context.ts";
import type { CommandContext, CommandOption } from "../command.ts";
import { printData } from "../options.ts";
import { countText, printDiagnostics } from "../print-diagnostics.ts";
import { readVersion } from "../version.ts";
import type { Checked } from "./check.ts";

export const FORMATS = ["json", "yaml", "github", "sarif", "junit", "gitlab"] as const;
export type Format = (typeof FORMATS)[number];

export const FORMAT_OPTION: CommandOption = {
  flags: "-o, --output <format>",
  summary: "print as data, or as a CI system or code scanner wants it",
  choices: FORMATS,
};

export interface PrintRequest {
  format: Format | undefined;
  /** Errors only, and no count. */
  quiet: boolean;
  /** Of the directory that files are relative to; asked for only where the format names paths from the root. */
  prefix: () => Promise<string>;
}

export async function printChecked(
  context: CommandContext,
  { files, diagnostics }: Checked,
  { format, quiet, prefix }: PrintRequest,
): Promise<void> {
  const shown = quiet ? diagnostics.filter(isError) : diagnostics;
  if (format === undefined) {
    // By name: a file on disk is read when its text is asked for.
    const named = new Map(files.map((each) => [each.file, each]));
    await printDiagnostics(context, shown, (file) => named.get(file)?.text);
    if (!quiet) await context.out.line(countText(diagnostics, files.length));
    return;
  }
  if (format === "json" || format === "yaml") {
    const { findingsOf } = await import("../../validation/output/data.ts");
    await printData(context.out, format, findingsOf(shown));
    return;
  }
  const names = files.map(({ file }) => file);
  await context.out.write(
    await render(format, shown, { prefix: await prefix(), files: names, version: readVersion() }),
  );
  if (!quiet) await context.err.line(countText(diagnostics, files.length));
}

/** Formats are loaded one by one: nobody waits for those that were not asked for. */
async function render(
  format: Exclude<Format, "json" | "yaml">,
  diagnostics: readonly Diagnostic[],
  context: OutputContext,
): Promise<string> {
  switch (format) {
    case "github":
      return (await import("../../validation/output/github.ts")).githubOutput(diagnostics, context);
    case "sarif":
      return (await import("../../validation/output/sarif.ts")).sarifOutput(diagnostics, context);
    case "junit":
      return (await import("../../validation/output/junit.ts")).junitOutput(diagnostics, context);
    case "gitlab":
      return (await import("../../validation/output/gitlab.ts")).gitlabOutput(diagnostics, context);
    default:
      return format satisfies never;
  }
}
