/** The memory that a connection reads into: used again for each read, and as large as the traffic makes worthwhile. */

/** Enough for what interactive protocols send at a time; an idle connection costs no more. */
const SMALLEST_BYTES = 4 * 1024;
/** Beyond this a larger read saves no time that could be measured. */
const LARGEST_BYTES = 256 * 1024;
/** So many small reads in a row, and a large buffer is given back. */
const SMALL_READS_TO_SHRINK = 64;

/** Memory of the smallest size that ended connections have left: getting new costs a twentieth of a short connection. */
const SPARE: Buffer[] = [];
const MOST_SPARE = 64;

/**
 * Node can read each packet into the same memory (`onread`), which saves an allocation a packet. It asks for the memory
 * of the next read after each one; by then it must be known whether the last one's bytes have been handed to the kernel.
 */
export class ReadBuffer {
  #memory: Buffer | undefined;
  #size = SMALLEST_BYTES;
  #smallReads = 0;

  /** The memory for the next read. */
  next(): Buffer {
    this.#memory ??= (this.#size === SMALLEST_BYTES ? SPARE.pop() : undefined) ?? Buffer.allocUnsafeSlow(this.#size);
    return this.#memory;
  }

  /** Nothing is read any more. Memory whose bytes still wait to be sent is not here, so what is here is free. */
  end(): void {
    if (this.#memory?.length === SMALLEST_BYTES && SPARE.length < MOST_SPARE) SPARE.push(this.#memory);
    this.#memory = undefined;
  }

  /**
   * @param length Bytes that the read put there
   * @param pending Whether somebody still needs them: the next read then gets other memory
   */
  used(length: number, pending: boolean): void {
    let size = this.#size;
    if (length === size) {
      size = Math.min(LARGEST_BYTES, size * 4);
      this.#smallReads = 0;
    } else if (length > SMALLEST_BYTES) {
      this.#smallReads = 0;
    } else if (size > SMALLEST_BYTES && ++this.#smallReads >= SMALL_READS_TO_SHRINK) {
      size = SMALLEST_BYTES;
      this.#smallReads = 0;
    }
    if (pending || size !== this.#size) this.#memory = undefined;
    this.#size = size;
  }
}
