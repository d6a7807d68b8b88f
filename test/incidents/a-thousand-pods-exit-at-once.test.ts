/** Elsewhere a mass exit starves probes and traffic until all is restarted; here others get a turn between any two starts and ends. */
import { afterEach, beforeEach, expect, it } from "vitest";
import { Bench, pidsOf } from "../kubelet/processes.ts";

const PODS = 40;

let bench: Bench;
beforeEach(() => {
  bench = new Bench();
});
afterEach(() => bench.close());

/** Counts how often the event loop came round while the work was done. */
async function turnsDuring(work: () => Promise<unknown>): Promise<number> {
  let turns = 0;
  let isOver = false;
  const count = (): void => {
    turns++;
    if (!isOver) setImmediate(count);
  };
  setImmediate(count);
  await work();
  isOver = true;
  return turns;
}

it("starts and sweeps them one a turn, and finds what each left by one look at the machine", async () => {
  const runtime = bench.runtime();
  const image = bench.image({});
  const launches = Array.from({ length: PODS }, (_, index) =>
    bench.launch(image, { podUid: `${bench.directory}-${index}`, argv: ["/bin/sleep", "1000"] }),
  );
  const running: Awaited<ReturnType<typeof runtime.start>>[] = [];
  const starting = await turnsDuring(async () => {
    running.push(...(await Promise.all(launches.map((launch) => runtime.start(launch)))));
  });
  expect(starting).toBeGreaterThanOrEqual(PODS);

  const found = await Promise.all(launches.map(({ podUid }) => pidsOf(podUid)));
  expect(found).toEqual(running.map(({ pid }) => [pid]));

  for (const { pid = 0 } of running) process.kill(pid, "SIGKILL");
  const exits = await Promise.all(running.map(({ exited }) => exited));
  expect(exits).toEqual(running.map(() => ({ signal: "SIGKILL" })));
  const ending = await turnsDuring(() => Promise.all(launches.map(({ podUid }) => runtime.sweep(podUid))));
  expect(ending).toBeGreaterThanOrEqual(PODS);
  expect(await Promise.all(launches.map(({ podUid }) => pidsOf(podUid)))).toEqual(running.map(() => []));
});
