/** Where a container's program and working directory are: in its image first, then on this machine. */
import { accessSync, constants, realpathSync, statSync } from "node:fs";
import { dirname, isAbsolute, join, resolve, sep } from "node:path";
import { TrueupError } from "../model/errors.ts";

/** Not there, or there is something in the way; anything else is a failed read and no answer. */
const ABSENT = new Set(["ENOENT", "ENOTDIR", "EACCES", "ELOOP", "ENAMETOOLONG"]);

export interface ProgramQuery {
  argv: readonly string[];
  env: Readonly<Record<string, string>>;
  workingDir: string;
  imageDirectory: string;
}

/**
 * The file to execute and the directory to do it in.
 *
 * The image is no root file system here, so an absolute path such as `/app` means the image's `app` where it has one,
 * and else this machine's `/app`. A bare name is looked up in PATH, each entry in the image and then on this machine;
 * `node` is the Node that runs trueup. A path with a slash is relative to the working directory, then to the image.
 *
 * @throws {TrueupError} `invalid` when there is no such directory or program, worded as container runtimes do
 */
export function findProgram(query: ProgramQuery): { file: string; directory: string } {
  const { argv, env, workingDir, imageDirectory } = query;
  const [program] = argv;
  if (program === undefined || program === "") throw new TrueupError("invalid", "no command specified");
  const directory = findDirectory(workingDir, imageDirectory);
  const file = program.includes("/")
    ? findPath(program, directory, imageDirectory)
    : findInPath(program, env.PATH ?? "", imageDirectory);
  return { file, directory };
}

function findDirectory(workingDir: string, imageDirectory: string): string {
  if (workingDir === "") return imageDirectory;
  const inside = insideImage(workingDir, imageDirectory, isDirectory);
  if (inside !== null) return inside;
  if (isAbsolute(workingDir) && isDirectory(workingDir)) return workingDir;
  throw new TrueupError("invalid", `chdir to cwd ("${workingDir}") failed: no such file or directory`, {
    hint: "A working directory is looked for in the image, then on this machine.",
  });
}

function findPath(program: string, directory: string, imageDirectory: string): string {
  if (!isAbsolute(program)) {
    const beside = resolve(directory, program);
    if (isProgram(beside) && (!isWithin(beside, imageDirectory) || staysWithin(beside, imageDirectory))) return beside;
  }
  const inside = insideImage(program, imageDirectory, isProgram);
  if (inside !== null) return inside;
  if (isAbsolute(program) && isProgram(program)) return program;
  throw new TrueupError("invalid", `exec: "${program}": no such file or directory, or not executable`);
}

function findInPath(program: string, path: string, imageDirectory: string): string {
  const own = program === "node" ? [dirname(process.execPath)] : [];
  for (const entry of [...own, ...path.split(":")]) {
    if (entry === "") continue;
    const inside = insideImage(join(entry, program), imageDirectory, isProgram);
    if (inside !== null) return inside;
    const file = join(entry, program);
    if (isAbsolute(entry) && isProgram(file)) return file;
  }
  throw new TrueupError("invalid", `exec: "${program}": executable file not found in $PATH`);
}

/** The path taken as one of the image's own, when it is there and no link leads out of the image. */
function insideImage(path: string, imageDirectory: string, is: (path: string) => boolean): string | null {
  const inside = join(imageDirectory, resolve("/", path));
  return is(inside) && staysWithin(inside, imageDirectory) ? inside : null;
}

function staysWithin(path: string, directory: string): boolean {
  return isWithin(realpathSync(path), realpathSync(directory));
}

function isWithin(path: string, directory: string): boolean {
  return path === directory || path.startsWith(directory.endsWith(sep) ? directory : directory + sep);
}

function isDirectory(path: string): boolean {
  return kindOf(path) === "directory";
}

function isProgram(path: string): boolean {
  if (kindOf(path) !== "file") return false;
  try {
    accessSync(path, constants.X_OK);
    return true;
  } catch (error) {
    if (isAbsent(error)) return false;
    throw error;
  }
}

function kindOf(path: string): "directory" | "file" | null {
  try {
    const stat = statSync(path);
    return stat.isDirectory() ? "directory" : stat.isFile() ? "file" : null;
  } catch (error) {
    if (isAbsent(error)) return null;
    throw error;
  }
}

function isAbsent(error: unknown): boolean {
  const { code } = error as NodeJS.ErrnoException;
  return code !== undefined && ABSENT.has(code);
}
