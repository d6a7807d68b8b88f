/** Which app an object belongs to, by its ApplySet's label; and which objects belong to one. Pure bookkeeping. */

export class Owners {
  /** ApplySet id to the app that its parent stands for. */
  readonly #apps = new Map<string, string>();
  /** The other way round: more than one set only after an app moved to another namespace. */
  readonly #sets = new Map<string, Set<string>>();
  /** ApplySet id to the keys of objects that carry it. */
  readonly #members = new Map<string, Set<string>>();

  /**
   * The app of an object with this label; `null` without one. A set whose parent is not known is somebody else's: its id
   * stands for it, so that nobody takes the object for free.
   */
  of(id: string | undefined): string | null {
    return id === undefined || id === "" ? null : (this.#apps.get(id) ?? id);
  }

  learn(id: string, app: string): void {
    this.forget(id);
    this.#apps.set(id, app);
    add(this.#sets, app, id);
  }

  forget(id: string): void {
    const app = this.#apps.get(id);
    this.#apps.delete(id);
    if (app !== undefined) remove(this.#sets, app, id);
  }

  /** Notes that the object's label went from one set to another; `undefined` for no label. */
  index(key: string, from: string | undefined, to: string | undefined): void {
    if (from === to) return;
    if (from !== undefined) remove(this.#members, from, key);
    if (to !== undefined) add(this.#members, to, key);
  }

  membersOf(id: string): string[] {
    return [...(this.#members.get(id) ?? [])];
  }

  membersOfApp(app: string): string[] {
    // An unknown set is named by its id.
    const sets = this.#sets.get(app) ?? (this.#apps.has(app) ? [] : [app]);
    return [...sets].flatMap((id) => this.membersOf(id));
  }
}

function add(groups: Map<string, Set<string>>, name: string, member: string): void {
  const members = groups.get(name) ?? new Set();
  members.add(member);
  groups.set(name, members);
}

function remove(groups: Map<string, Set<string>>, name: string, member: string): void {
  const members = groups.get(name);
  members?.delete(member);
  if (members?.size === 0) groups.delete(name);
}
