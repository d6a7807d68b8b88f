/** Cuts a stream of bytes into lines of text, wherever the pieces end. */

/**
 * A line that goes on for longer is cut: whoever writes without a line end would fill the memory. Events of a watch are shorter, as
 * etcd takes objects of a few megabytes. UTF-16 code units.
 */
const LONGEST = 1 << 24;

/** Lines without their ends; what stands after the last line end is a line too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Pieces, joined once: a line of a watch may be a megabyte that comes in a hundred chunks.
  let pieces: string[] = [];
  let length = 0;
  const take = (piece: string): string => {
    const line = pieces.length === 0 ? piece : pieces.join("") + piece;
    pieces = [];
    length = 0;
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      yield take(text.slice(start, end));
      start = end + 1;
    }
    if (start === text.length) continue;
    pieces.push(text.slice(start));
    length += text.length - start;
    if (length > LONGEST) yield take("");
  }
  const rest = decoder.decode();
  if (rest !== "" || pieces.length > 0) yield take(rest);
}
