/** What a terminal gets of texts that come from repositories and pods, and what a file gets. */
import { describe, expect, it } from "vitest";
import { narrateDaemon } from "../../src/cli/live/narrator.ts";
import { streamOutput, type TextStream } from "../../src/cli/output.ts";
import type { DaemonService } from "../../src/server/service.ts";
import { VirtualClock } from "../../src/util/clock.ts";

function recording(isTTY: boolean): { stream: TextStream; text: () => string } {
  let written = "";
  const stream: TextStream = {
    isTTY,
    write(text, done) {
      written += text;
      done();
      return true;
    },
  };
  return { stream, text: () => written };
}

describe("output", () => {
  const rows: [title: string, text: string, shown: string][] = [
    ["keeps colours", "\u001b[31mred\u001b[39m\n", "\u001b[31mred\u001b[39m\n"],
    ["keeps tabs and line ends", "a\tb\r\nc\n", "a\tb\r\nc\n"],
    ["shows a window title", "\u001b]0;title\u0007", "^[]0;title^G"],
    ["shows what writes to the clipboard", "\u001b]52;c;AAAA\u001b\\", "^[]52;c;AAAA^[\\"],
    ["shows what moves the cursor", "\u001b[2J\u001b[1;1H\u001b[1A", "^[[2J^[[1;1H^[[1A"],
    ["shows what overwrites the line", "failed\rdone  \b", "failed^Mdone  ^H"],
    ["shows the eight-bit form", "\u009b2J", "\ufffd2J"],
    ["shows what reorders a line", "a\u202eb\u2066c", "a\ufffdb\ufffdc"],
    ["keeps the rest of Unicode", "é 日本 🚀\u00a0", "é 日本 🚀\u00a0"],
  ];
  it.each(rows)("to a terminal %s", async (_title, text, shown) => {
    const { stream, text: written } = recording(true);
    await streamOutput(stream, {}).write(text);
    expect(written()).toBe(shown);
  });

  it.each(rows)("to a file is as it is, where a terminal %s", async (_title, text) => {
    const { stream, text: written } = recording(false);
    await streamOutput(stream, {}).write(text);
    expect(written()).toBe(text);
  });

  it("tells each thing that happens on a line of its own", async () => {
    const { stream, text } = recording(false);
    const app = {
      app: "web",
      phase: "Failed",
      reason: "last log lines: \u001b[2Jx\n00:00:00  all is well",
      head: null,
      diagnostics: [],
      held: [],
    };
    const service = {
      status: () => ({ apps: [app] }),
      onChange: () => () => undefined,
      backend: {
        list: () => Promise.resolve({ items: [], version: "0" }),
        async *watch() {},
      },
    } as unknown as DaemonService;
    await narrateDaemon(service, streamOutput(stream, {}), new VirtualClock(), new AbortController().signal);
    expect(text().replace(/^\S+/, "TIME")).toBe("TIME     failed: last log lines: ^[[2Jx 00:00:00  all is well\n");
  });
});
