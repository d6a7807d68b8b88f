/** Elsewhere a copied data directory comes up as a twin that signals the original's processes; here it is refused, by name. */
import { cpSync } from "node:fs";
import { join } from "node:path";
import { afterEach, beforeEach, expect, it } from "vitest";
import { runKubelet } from "../../src/kubelet/process.ts";
import { systemRandom } from "../../src/util/random.ts";
import { pod } from "../kubelet/harness.ts";
import { Bench, isReady, pidsOf, reportWhere, SERVER } from "../kubelet/processes.ts";

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

it("a kubelet on a copy adopts and signals no pod of the original, and says where that is", async () => {
  const { client } = await bench.process();
  const uid = `${bench.directory}-a`;
  const one = pod("web-1", { containers: [{ name: "web", image: "web:v1", ports: [{ containerPort: 8080 }] }] });
  one.metadata.uid = uid;
  await client.assign(bench.assignment(one, bench.image({ "main.js": SERVER })));
  await reportWhere(client, isReady(uid));
  const before = await pidsOf(uid);

  const copy = join(bench.directory, "copy");
  cpSync(bench.stateDir, copy, { recursive: true });
  const log: string[] = [];
  const start = runKubelet({
    stateDir: copy,
    socketPath: join(bench.directory, "copy.sock"),
    version: "0",
    clock: bench.clock,
    random: systemRandom,
    log: (_level, message) => log.push(message),
  });
  await expect(start).rejects.toMatchObject({
    code: "conflict",
    message: `Cannot use the state directory ${copy} as its pods must be its own: it is a copy of ${bench.stateDir}.`,
    hint: expect.stringContaining(`Use --state ${bench.stateDir}.`),
  });

  expect(await pidsOf(uid)).toEqual(before);
  expect(before.length).toBe(1);
  expect((await client.pods()).map((each) => each.uid)).toEqual([uid]);
  expect(log).toEqual([]);
});
