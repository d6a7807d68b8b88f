/** Makes the commits of a history: whole trees of apps, some of them broken, and the moves of a branch. */
import { asCommitId, type CommitId } from "../../src/model/source.ts";
import type { App } from "./app.ts";
import { BRANCH } from "./daemon.ts";
import { type Edit, edited, type History, type Step } from "./history.ts";
import type { Machine } from "./machine.ts";
import { filesOf, type Tree, type TreeApp } from "./tree.ts";

const REF = `refs/heads/${BRANCH}`;

export class Repo {
  readonly #machine: Machine;
  /** States of each app that were at the head, by key, newest last. */
  readonly #past = new Map<string, App[]>();
  #tree: Tree;
  #serial = 0;

  constructor(machine: Machine, { apps, isWhole }: History) {
    this.#machine = machine;
    this.#tree = {
      isWhole,
      apps: apps.map((app) => ({ name: app.key, app, isNamed: true, isBroken: false })),
      isConfigBroken: false,
      notes: 0,
      tags: new Map(),
    };
    this.#commit(this.#tree, []);
  }

  commit({ on, edits, kind, more }: Extract<Step, { do: "commit" }>): void {
    const { tally } = this.#machine;
    if (more > 0) tally.add("commits at once");
    for (let left = more; left > 0; left--) this.#next({ ...this.#tree, notes: this.#tree.notes + 1 });
    if (kind === "notes") {
      tally.add("commit without a manifest");
      this.#next({ ...this.#tree, notes: this.#tree.notes + 1 });
      return;
    }
    if (kind === "invalid") tally.add("commit invalid");
    const tree = kind === "tag" ? this.#withTag(on) : this.#tree;
    this.#next(this.#edited(tree, on, edits, kind === "invalid"));
  }

  /** The branch goes somewhere else than on. */
  move({ how, back, on, edits }: Extract<Step, { do: "ref" }>): void {
    const { git, tally, trees } = this.#machine;
    const head = this.#head;
    if (how === "reset") {
      tally.add("ref reset");
      let to = head;
      for (let left = back; left > 0; left--) to = git.parentsOf(to)[0] ?? to;
      this.#tree = trees.get(to) ?? this.#tree;
      git.refs.set(REF, to);
    } else if (how === "amend") {
      tally.add("commit amended");
      this.#commit(this.#edited(this.#tree, on, edits, false), git.parentsOf(head));
    } else {
      tally.add("branch merged");
      for (let left = back; left > 0; left--) this.#next({ ...this.#tree, notes: this.#tree.notes + 1 });
      const side = this.#head;
      git.refs.set(REF, head);
      this.#commit(this.#edited(this.#tree, on, edits, false), [head, side]);
    }
  }

  /** Another `trueup.yaml`. One that names no app is none, so the last one stays. */
  rename({ how, on }: Extract<Step, { do: "apps" }>): void {
    const { tally, past } = this.#machine;
    const tree = this.#tree;
    if (how === "break") {
      tally.add("trueup.yaml broken");
      this.#next({ ...tree, isConfigBroken: !tree.isConfigBroken });
      return;
    }
    const change = (each: TreeApp): TreeApp =>
      how === "remove"
        ? { ...each, isNamed: !each.isNamed }
        : { ...each, name: each.name === each.app.key ? `${each.app.key}2` : each.app.key };
    const apps = tree.apps.map((each) => (each.app.key === on ? change(each) : each));
    if (!apps.some(({ isNamed }) => isNamed)) return;
    tally.add(how === "remove" ? "app removed" : "app renamed");
    if (how === "rename") past.renamed.add(on);
    this.#next({ ...tree, apps });
  }

  /** The object leaves whichever app has it. */
  transfer({ name, to }: Extract<Step, { do: "move" }>): void {
    this.#machine.tally.add("object moved");
    const apps = this.#tree.apps.map((each) => {
      const without = each.app.configs.filter((other) => other !== name);
      const isTarget = each.app.key === to;
      if (!isTarget && without.length === each.app.configs.length) return each;
      return { ...each, app: { ...each.app, configs: isTarget ? [...without, name] : without } };
    });
    this.#next({ ...this.#tree, apps });
  }

  get #head(): CommitId {
    return asCommitId(this.#machine.git.refs.get(REF) ?? "");
  }

  #edited(tree: Tree, on: string, edits: readonly Edit[], isBroken: boolean): Tree {
    const apps = tree.apps.map((each) => {
      if (each.app.key !== on) return each;
      return { ...each, app: edited(each.app, edits, this.#past.get(on) ?? []), isBroken };
    });
    return { ...tree, apps };
  }

  /** As if somebody built again and kept the tag of the first image in use. */
  #withTag(on: string): Tree {
    const image = this.#tree.apps.find(({ app }) => app.key === on)?.app.workloads[0]?.image;
    if (image === undefined) return this.#tree;
    this.#machine.tally.add("tag used again");
    this.#machine.past.tagged.add(image);
    return { ...this.#tree, tags: new Map(this.#tree.tags).set(image, `build ${this.#serial}`) };
  }

  #next(tree: Tree): void {
    this.#commit(tree, [this.#head]);
  }

  #commit(tree: Tree, parents: readonly CommitId[]): void {
    const { git, clock, trees } = this.#machine;
    const subject = `commit ${++this.#serial}`;
    const id = git.commit({ files: filesOf(tree), parents, subject, at: Math.floor(clock.now() / 1_000) });
    for (const { app } of tree.apps) {
      const past = this.#past.get(app.key) ?? [];
      if (past.at(-1) !== app) this.#past.set(app.key, [...past, app]);
    }
    trees.set(id, tree);
    this.#tree = tree;
    git.refs.set(REF, id);
  }
}
