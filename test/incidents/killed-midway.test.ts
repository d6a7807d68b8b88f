/**
 * Users of other tools report that a tool that is killed in the middle of an upgrade leaves a lock behind ("another
 * operation is in progress"), which somebody has to break by hand; that it then carries on with the commit it was at; and
 * that half a clean-up stays half. Here an attempt is no lock: the next daemon takes up what git says by then.
 */
import { afterAll, afterEach, beforeAll, describe, expect, it } from "vitest";
import { keyOfId, type ObjectId } from "../../src/model/object.ts";
import type { CommitId } from "../../src/model/source.ts";
import type { Deployment } from "../../src/model/workload.ts";
import { type History, makeHistory, moveMain } from "../crash/history.ts";
import { CrashMachine } from "../crash/machine.ts";
import { rest } from "../crash/story.ts";

const WEB: ObjectId = { group: "apps", kind: "Deployment", namespace: "default", name: "web" };
const PRUNED: ObjectId = { group: "", kind: "ConfigMap", namespace: "default", name: "pruned" };
const SOON_MS = 60_000;

let history: History;
let machine: CrashMachine;

beforeAll(async () => {
  history = await makeHistory();
});
afterEach(() => machine.dispose());
afterAll(() => history.dispose());

async function atVersion1(): Promise<void> {
  moveMain(history.path, history.first);
  machine = new CrashMachine(history.repository, []);
  await machine.start();
  await rest(machine, history.first);
}

/** Moves the branch, and tells the daemon if there is one. */
function move(commit: CommitId): void {
  moveMain(history.path, commit);
  machine.refMoved();
}

async function until(what: string, holds: () => boolean): Promise<void> {
  if (!(await machine.run(holds, SOON_MS))) throw new Error(`It never came to this: ${what}`);
}

const object = (id: ObjectId) => machine.daemon.cluster.store.get(keyOfId(id));

async function rows(): Promise<string[]> {
  const names = new Map([
    [history.first, "version 1"],
    [history.second, "version 2"],
    [history.undo, "undo"],
  ]);
  const attempts = await machine.daemon.ledger.attempts({});
  return attempts.reverse().map(({ commit, ordinal, ending }) => {
    return `${names.get(commit)} #${ordinal}: ${ending?.outcome ?? "open"}`;
  });
}

/** The first pod of version 2 is there, beside those of version 1. */
async function inMidRollout(): Promise<void> {
  await atVersion1();
  move(history.second);
  await until("a pod of version 2 is there", () => (object(WEB) as Deployment).status?.updatedReplicas === 1);
  expect(await rows()).toEqual(["version 1 #1: deployed", "version 2 #1: open"]);
}

describe("a daemon that is killed in the middle of a rollout", () => {
  it("leaves no lock: the next one finishes, and nobody has to break anything", async () => {
    await inMidRollout();
    machine.kill("daemon");
    await rest(machine, history.second);
    expect(await rows()).toEqual(["version 1 #1: deployed", "version 2 #1: deployed"]);
    expect(machine.violations).toEqual([]);
    expect(machine.containers.starts).toHaveLength(4);
  });

  it("leaves nothing to carry on with when git has moved on: the next one takes up the head", async () => {
    await inMidRollout();
    machine.kill("daemon");
    move(history.undo);
    await rest(machine, history.undo);
    expect(await rows()).toEqual(["version 1 #1: deployed", "version 2 #1: superseded", "undo #1: deployed"]);
    expect(machine.violations).toEqual([]);
    // Version 1's two pods, which the rollout had not come to yet, run on; version 2's one went.
    expect(machine.containers.starts).toHaveLength(3);
  });

  it("and its kubelet with it: the same", async () => {
    await inMidRollout();
    machine.kill("daemon");
    machine.kill("kubelet");
    await rest(machine, history.second);
    expect(await rows()).toEqual(["version 1 #1: deployed", "version 2 #1: deployed"]);
    expect(machine.violations).toEqual([]);
    expect(machine.containers.starts).toHaveLength(4);
  });
});

describe("a daemon that is killed in the middle of its clean-up", () => {
  it("has the object back when git has it back, though it was deleted by then", async () => {
    await atVersion1();
    const { uid } = object(PRUNED)?.metadata ?? {};
    move(history.second);
    await until("the object is deleted", () => object(PRUNED) === undefined);
    machine.daemon.cluster.flush();
    machine.kill("daemon");
    move(history.first);
    await rest(machine, history.first);
    expect(object(PRUNED)?.metadata.uid).not.toBe(uid);
    expect(object(PRUNED)).toMatchObject({ data: { value: "1" }, metadata: { name: "pruned" } });
    expect(await rows()).toEqual(["version 1 #1: deployed", "version 2 #1: superseded", "version 1 #2: deployed"]);
    expect(machine.violations).toEqual([]);
  });
});
