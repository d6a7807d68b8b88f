/** Names found by namespace and label pair, so that a change of one pod does not look at all others. */

export class LabelIndex {
  readonly #names = new Map<string, Set<string>>();

  add(namespace: string, labels: Readonly<Record<string, string>>, name: string): void {
    for (const pair of Object.entries(labels)) {
      const key = keyOfPair(namespace, pair);
      const names = this.#names.get(key) ?? new Set();
      this.#names.set(key, names.add(name));
    }
  }

  delete(namespace: string, labels: Readonly<Record<string, string>>, name: string): void {
    for (const pair of Object.entries(labels)) {
      const key = keyOfPair(namespace, pair);
      const names = this.#names.get(key);
      names?.delete(name);
      if (names?.size === 0) this.#names.delete(key);
    }
  }

  /** Names that were added with at least one of the pairs. */
  anyOf(namespace: string, labels: Readonly<Record<string, string>>): string[] {
    const found = new Set<string>();
    for (const pair of Object.entries(labels)) {
      for (const name of this.#names.get(keyOfPair(namespace, pair)) ?? []) found.add(name);
    }
    return [...found];
  }
}

/** Label keys and values contain no NUL. */
function keyOfPair(namespace: string, [key, value]: [string, string]): string {
  return `${namespace}\0${key}\0${value}`;
}
