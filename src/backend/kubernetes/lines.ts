/** Cuts a stream of bytes into lines of text, wherever the pieces end. */

/** Lines without their ends; what stands after the last line end is a line too. */
export async function* linesOf(chunks: AsyncIterable<Uint8Array>): AsyncGenerator<string> {
  const decoder = new TextDecoder();
  // Pieces, joined once: a line of a watch may be a megabyte that comes in a hundred chunks.
  let pieces: string[] = [];
  const take = (piece: string): string => {
    const line = pieces.length === 0 ? piece : pieces.join("") + piece;
    pieces = [];
    return line.endsWith("\r") ? line.slice(0, -1) : line;
  };
  for await (const chunk of chunks) {
    const text = decoder.decode(chunk, { stream: true });
    let start = 0;
    for (let end = text.indexOf("\n"); end >= 0; end = text.indexOf("\n", start)) {
      yield take(text.slice(start, end));
      start = end + 1;
    }
    if (start < text.length) pieces.push(text.slice(start));
  }
  const rest = decoder.decode();
  if (rest !== "" || pieces.length > 0) yield take(rest);
}
