/** Names that are near to one that is not there, so that a slip of the pen is seen at once. Pure. */

const MOST_NAMES = 10;

/** The nearest names first, at most ten: by the parts that they share with the word, then by the alphabet. */
export function nearNames(word: string, names: readonly string[]): string[] {
  const wanted = pairsOf(word);
  const likeness = (name: string): number => {
    const pairs = pairsOf(name);
    const shared = [...pairs].filter((pair) => wanted.has(pair)).length;
    return (2 * shared) / Math.max(1, pairs.size + wanted.size);
  };
  return [...new Set(names)]
    .map((name) => ({ name, likeness: likeness(name) }))
    .sort((a, b) => b.likeness - a.likeness || (a.name < b.name ? -1 : 1))
    .slice(0, MOST_NAMES)
    .map(({ name }) => name);
}

/** Neighbouring letters; Dice's coefficient over them compares words of different lengths. */
function pairsOf(text: string): Set<string> {
  const lower = `^${text.toLowerCase()}$`;
  return new Set(Array.from({ length: lower.length - 1 }, (_, at) => lower.slice(at, at + 2)));
}
