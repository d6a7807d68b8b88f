/** Building once: with a command go that only pretends, so that `npm test` needs none. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { delimiter, join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { TrueupError } from "../../../src/model/errors.ts";
import { controlPlaneProgram } from "./program.ts";
import { BuildProgress } from "./progress.ts";

let directory: string;
let said: string;

beforeEach(() => {
  directory = mkdtempSync(join(tmpdir(), "trueup-program-"));
  said = "";
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

/** A `go` that writes down each call. @param build What `go build` does; `$out` is the file it is to write */
function pretendGo(build: string, version = "go1.26.0"): NodeJS.ProcessEnv {
  const bin = join(directory, "bin");
  const script = `#!/bin/sh
echo "$1" >> ${directory}/calls
case "$1" in
env) printf '${version}\\nlinux\\namd64\\n' ;;
list) printf 'a.example/one\\na.example/two\\n' ;;
build)
  while [ "$1" != -o ]; do shift; done
  out=$2
  ${build} ;;
esac
`;
  mkdirSync(bin, { recursive: true });
  writeFileSync(join(bin, "go"), script);
  chmodSync(join(bin, "go"), 0o755);
  return { PATH: [bin, "/usr/bin", "/bin"].join(delimiter) };
}

function get(env: NodeJS.ProcessEnv): Promise<string> {
  const write = (text: string | Uint8Array): boolean => {
    said += String(text);
    return true;
  };
  const progress = new BuildProgress({ write }, () => 0);
  return controlPlaneProgram({ cache: join(directory, "cache"), env, progress });
}

function calls(): Record<string, number> {
  const lines = readFileSync(join(directory, "calls"), "utf8").trim().split("\n");
  return Object.fromEntries(
    ["env", "list", "build"].map((call) => [call, lines.filter((line) => line === call).length]),
  );
}

const WORKS = 'echo "a.example/one" >&2; echo "go: downloading a.example v1.0.0" >&2; echo built > "$out"';

it("builds once, says how far it is, and takes what is there from then on", async () => {
  const env = pretendGo(WORKS);
  const program = await get(env);
  expect(readFileSync(program, "utf8")).toBe("built\n");
  expect(said).toMatch(/1 modules downloaded, 1 of at most 2 packages compiled, 0 s\n {2}kept in .*control-plane\n$/);
  said = "";
  expect(await get(env)).toBe(program);
  expect({ said, calls: calls() }).toEqual({ said: "", calls: { env: 2, list: 1, build: 1 } });
});

it("builds once for several who want it at the same time, and again for another Go", async () => {
  const env = pretendGo(WORKS);
  const [first, second, third] = await Promise.all([get(env), get(env), get(env)]);
  expect([second, third]).toEqual([first, first]);
  expect(calls()).toEqual({ env: 3, list: 1, build: 1 });
  expect(await get(pretendGo(WORKS, "go1.27.0"))).not.toBe(first);
  expect(calls()).toEqual({ env: 4, list: 2, build: 2 });
});

it("says what go said when it fails, leaves nothing that looks built, and tries again", async () => {
  const failing = get(pretendGo('echo half > "$out"; echo "main.go:1:1: no such thing" >&2; exit 3'));
  await expect(failing).rejects.toThrow(/go build ended with 3\.\nmain\.go:1:1: no such thing/);
  const [key = ""] = readdirSync(join(directory, "cache"));
  expect(readdirSync(join(directory, "cache", key)).filter((name) => name.startsWith("control-plane"))).toEqual([]);
  expect(await get(pretendGo(WORKS))).toBe(join(directory, "cache", key, "control-plane"));
});

it("says what to install or to set where there is no go", async () => {
  const refused = await get({ PATH: directory }).catch((error: unknown) => error);
  expect(refused).toBeInstanceOf(TrueupError);
  const { code, message, hint } = refused as TrueupError;
  expect({ code, message, hint }).toEqual({
    code: "usage",
    message: "Cannot build Kubernetes for the tests as the command go must be installed: it was not found in PATH.",
    hint: "Install Go 1.26 or newer, or name a cluster to use instead: TRUEUP_TEST_KUBECONFIG=/path/to/kubeconfig.",
  });
});
