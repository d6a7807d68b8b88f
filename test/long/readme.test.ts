/** The README followed to the letter by a newcomer: a fresh clone, a fresh home, and every command of its tour. */
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { endHome } from "../support/daemon.ts";
import { npmEnv } from "../support/npm.ts";
import { Child, type Home, makeHome, ROOT, run } from "../support/processes.ts";

interface Step {
  command: string;
  /** What the README shows; a line `…` stands for any number of lines. */
  shown: string[];
}

let home: Home;
const children: Child[] = [];

beforeEach(() => {
  home = makeHome();
});
afterEach(() => endHome(home, children.splice(0)));

/** The commands of all `console` blocks, with the output that stands below each. */
function tourOf(readme: string): Step[] {
  const steps: Step[] = [];
  for (const [, block = ""] of readme.matchAll(/^```console\n(.*?)^```$/gms)) {
    for (const line of block.trimEnd().split("\n")) {
      if (line.startsWith("$ ")) steps.push({ command: line.slice(2), shown: [] });
      else steps.at(-1)?.shown.push(line);
    }
  }
  return steps;
}

/** Takes out what differs from run to run: ids, names, times, and the widths that follow from them. */
function normalise(line: string): string {
  return line
    .replaceAll(/hello-deployment-[a-z0-9]{8,10}-[a-z0-9]{5}/g, "POD")
    .replaceAll(/hello-deployment-[a-z0-9]{8,10}\b/g, "SET")
    .replaceAll(/\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/g, "TIME")
    .replaceAll(/\b[0-9a-f]{7}\b/g, "COMMIT")
    .replaceAll(/\b\d+(?:\.\d+)?(?:m?s|m\d+s)\b/g, "AGE")
    .replaceAll(/localhost:\d+|80:\d+/g, "PORT")
    .replaceAll(/ {2,}/g, "  ")
    .trimEnd();
}

/** Whether the lines are what the README shows. */
function matches(shown: readonly string[], actual: readonly string[]): boolean {
  const [first, ...rest] = shown;
  if (first === undefined) return actual.length === 0;
  if (first === "…") return actual.some((_, skipped) => matches(rest, actual.slice(skipped))) || rest.length === 0;
  return actual[0] === first && matches(rest, actual.slice(1));
}

it("does what the README says, from a fresh clone", async () => {
  const clone = join(home.dir, "trueup");
  const cloned = await run(["git", "clone", "-q", ROOT, clone], { cwd: home.dir, env: home.env });
  expect(cloned.code, cloned.stderr).toBe(0);
  const readme = readFileSync(join(clone, "README.md"), "utf8");
  expect(readme).toContain("npm ci && npm start");
  expect(readme).toContain("npm ci && npm test");

  const env = npmEnv(home);
  const installed = await run(["npm", "ci"], { cwd: clone, env, group: true });
  expect(installed.code, installed.stderr).toBe(0);
  const demo = new Child(["npm", "start"], { cwd: clone, env, group: true });
  children.push(demo);
  const [, url = ""] = await demo.waitFor(/(http:\/\/localhost:\d+) answers: Hello World! I'm Server version 1\./);
  await demo.waitFor(/runs: what is in git is what runs/);

  const steps = tourOf(readme);
  expect(steps.length).toBeGreaterThan(8);
  for (const { command, shown } of steps) {
    const here = command.replace("http://localhost:8080", url);
    const { code, stdout: text } = await run(["bash", "-c", `exec 2>&1; ${here}`], { cwd: clone, env });
    const actual = text === "" ? [] : text.replace(/\n$/, "").split("\n").map(normalise);
    const expected = shown.map((line) => (line === "…" ? line : normalise(line)));
    expect({ command, asShown: matches(expected, actual), text }).toEqual({ command, asShown: true, text });
    expect({ command, code }).toEqual({ command, code: command.includes("validate") ? 1 : 0 });
  }

  demo.kill("SIGINT");
  await demo.exited;
  expect(demo.output).toContain("Done.");
});
