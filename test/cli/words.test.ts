/** What people type, read: kinds, names, durations; and what arrives in pieces, put together: event streams. */
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { completionScript, optionWords, SHELLS, takesValue } from "../../src/cli/completion.ts";
import { readDuration } from "../../src/cli/duration.ts";
import { EventParser } from "../../src/cli/http.ts";
import { findKind, findKinds, readObjectName } from "../../src/cli/kinds.ts";
import { COMMANDS } from "../../src/cli/table.ts";
import { serverSentEvent } from "../../src/server/stream.ts";

describe("kinds", () => {
  const rows: [word: string, kind: string][] = [
    ["pod", "Pod"],
    ["pods", "Pod"],
    ["po", "Pod"],
    ["deploy", "Deployment"],
    ["Deployment", "Deployment"],
    ["deployments.apps", "Deployment"],
    ["deployment.v1.apps", "Deployment"],
    ["rs", "ReplicaSet"],
    ["svc", "Service"],
    ["cm", "ConfigMap"],
    ["secret", "Secret"],
    ["ns", "Namespace"],
    ["ep", "Endpoints"],
    ["endpoints", "Endpoints"],
    ["ev", "Event"],
    ["pods.v1", "Pod"],
  ];
  it.each(rows)("%s means %s", (word, kind) => {
    expect(findKind(word).kind).toBe(kind);
  });

  it.each(["", "all", "pods.apps", "podz", "statefulset"])("%j means none", (word) => {
    expect(() => findKind(word)).toThrow(expect.objectContaining({ code: "usage" }));
  });

  it("come in lists, each once, and all in kubectl's order", () => {
    expect(findKinds("deploy,po,pods").map(({ kind }) => kind)).toEqual(["Deployment", "Pod"]);
    expect(findKinds("all").map(({ kind }) => kind)).toEqual(["Pod", "Service", "Deployment", "ReplicaSet"]);
  });
});

describe("names of objects", () => {
  it("are KIND/NAME or two words", () => {
    expect(readObjectName(["deploy/web"])).toMatchObject({ kind: { kind: "Deployment" }, name: "web" });
    expect(readObjectName(["deploy", "web"])).toMatchObject({ kind: { kind: "Deployment" }, name: "web" });
  });

  it.each([[["web"]], [["deploy/"]], [["/web"]], [["deploy/web/x"]], [["deploy/web", "x"]], [[]]])(
    "are not %j",
    (args) => {
      expect(() => readObjectName(args)).toThrow(expect.objectContaining({ code: "usage" }));
    },
  );
});

describe("durations", () => {
  const rows: [text: string, ms: number][] = [
    ["0", 0],
    ["90", 90_000],
    ["30s", 30_000],
    ["5m", 300_000],
    ["1h30m", 5_400_000],
    ["250ms", 250],
    ["1.5s", 1_500],
  ];
  it.each(rows)("%s is %d ms", (text, ms) => {
    expect(readDuration("timeout", text)).toBe(ms);
  });

  it.each(["", "soon", "-5s", "5 s", "5x", "s", "1h-"])("%j is none", (text) => {
    expect(() => readDuration("timeout", text)).toThrow(expect.objectContaining({ code: "usage" }));
  });
});

describe("event streams", () => {
  it("give the same messages however they are cut", () => {
    const messages = fc.array(fc.record({ event: fc.constantFrom("message", "error"), data: fc.jsonValue() }));
    fc.assert(
      fc.property(messages, fc.array(fc.integer({ min: 1, max: 7 })), (sent, cuts) => {
        const text = sent
          .map(({ event, data }) => `: heartbeat\n\n${serverSentEvent(data, event === "message" ? undefined : event)}`)
          .join("");
        const parser = new EventParser();
        const seen: { event: string; data: string }[] = [];
        let at = 0;
        for (const size of [...cuts, text.length]) {
          seen.push(...parser.push(text.slice(at, at + size)));
          at += size;
        }
        const read = seen.map(({ event, data }) => ({ event, data: JSON.parse(data) as unknown }));
        expect(read).toEqual(JSON.parse(JSON.stringify(sent)));
      }),
    );
  });

  it("may end lines in any of the three ways, and leave fields out", () => {
    const parser = new EventParser();
    expect(parser.push("data:1\r\ndata: 2\r\n\r\nid: 7\nretry: 5\n\nevent\ndata\n\n")).toEqual([
      { event: "message", data: "1\n2" },
      { event: "message", data: "" },
    ]);
  });
});

describe("completion", () => {
  it("reads options from their flags", () => {
    expect(optionWords({ flags: "-o, --output <format>" })).toEqual(["-o", "--output"]);
    expect([takesValue({ flags: "-w, --watch" }), takesValue({ flags: "--tail <n>" })]).toEqual([false, true]);
  });

  const load = async (): Promise<Parameters<typeof completionScript>[1]> =>
    Promise.all(
      COMMANDS.filter(({ group }) => group !== undefined).map(async (entry) => ({
        entry,
        options: (await entry.load()).command.options,
      })),
    );

  it.each(SHELLS)("names every command for %s", async (shell) => {
    const script = completionScript(shell, await load());
    for (const { name } of COMMANDS) {
      if (name !== "kubelet") expect(script).toContain(name.split(" ").at(-1) ?? "");
    }
  });

  const rows: [words: string[], offered: RegExp][] = [
    [["st"], /^status$/],
    [["rollout", "un"], /^undo$/],
    [["set", ""], /^image$/],
    [["get", "pods", "-o", ""], /^json\nname\nwide\nyaml$/],
    [["get", "--no"], /^--no-headers$/],
    [["-C", "/tmp", "rollout", "undo", "--to"], /^--to-revision$/],
    [["completion", "--names", "p"], /^pod$/],
    [["get", "po"], /^pods$/],
    [["describe", "deployment/"], /^deployment\/web$/],
  ];
  it.each(rows)("offers in bash, after %j, what fits", async (words, offered) => {
    const script = completionScript("bash", await load());
    // The script asks trueup itself for names: here, a stand-in.
    const stub =
      'trueup() { case "$3" in kind) echo pods; echo services ;; *) echo deployment/web; echo pod/a ;; esac; }\n';
    const list = words.map((word) => `'${word}'`).join(" ");
    const ask = `COMP_WORDS=(trueup ${list}); COMP_CWORD=${words.length}; _trueup; printf '%s\\n' "\${COMPREPLY[@]}" | sort\n`;
    const { stdout, stderr } = spawnSync("bash", ["--norc", "-c", `${stub}${script}${ask}`], { encoding: "utf8" });
    expect(stderr).toBe("");
    expect(stdout.trim()).toMatch(offered);
  });

  it("runs nothing that the name of a branch or of an object holds", async () => {
    const script = completionScript("bash", await load());
    const names = "main feature/a $(>ran) `>ran` a;>ran";
    const stub = (word: string): string =>
      `${word}() { printf '%s\\n' ${names
        .split(" ")
        .map((name) => `'${name}'`)
        .join(" ")}; }\n`;
    const directory = mkdtempSync(join(tmpdir(), "trueup-completion-"));
    try {
      for (const words of [
        ["plan", ""],
        ["logs", ""],
      ]) {
        const list = words.map((word) => `'${word}'`).join(" ");
        const ask = `COMP_WORDS=(trueup ${list}); COMP_CWORD=${words.length}; _trueup; printf '%s\n' "\${COMPREPLY[@]}"\n`;
        const text = `${stub("git")}${stub("trueup")}${script}${ask}`;
        const { stdout } = spawnSync("bash", ["--norc", "-c", text], { encoding: "utf8", cwd: directory });
        expect(stdout.trim().split("\n")).toEqual(
          words[0] === "plan" ? ["main", "feature/a", "HEAD"] : ["main", "feature/a"],
        );
        expect(readdirSync(directory)).toEqual([]);
      }
    } finally {
      rmSync(directory, { recursive: true });
    }
  });

  it("is a script that bash can read", async () => {
    execFileSync("bash", ["--norc", "-n"], { input: completionScript("bash", await load()) });
  });
});
