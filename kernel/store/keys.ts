/** A chunk that grows beyond this is halved. */
const CHUNK = 512;

/**
 * Sorted, distinct keys in chunks, so that one more costs the same among a hundred thousand as among a hundred: no list of all is moved.
 */
export class SortedKeys {
  #chunks: string[][] = [[]];
  size = 0;

  /** `keys`: distinct, in any order. */
  constructor(keys: Iterable<string> = []) {
    const sorted = [...keys].sort();
    this.size = sorted.length;
    if (sorted.length === 0) return;
    this.#chunks = [];
    for (let i = 0; i < sorted.length; i += CHUNK) this.#chunks.push(sorted.slice(i, i + CHUNK));
  }

  /** `key` is not among them yet. */
  add(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    chunk.splice(position(chunk, key), 0, key);
    this.size += 1;
    if (chunk.length > CHUNK) this.#chunks.splice(at + 1, 0, chunk.splice(CHUNK / 2));
  }

  delete(key: string): void {
    const at = this.#chunkOf(key);
    const chunk = this.#chunks[at]!;
    const i = position(chunk, key);
    if (chunk[i] !== key) return;
    chunk.splice(i, 1);
    this.size -= 1;
    if (chunk.length === 0 && this.#chunks.length > 1) this.#chunks.splice(at, 1);
  }

  /** Those not before `from`, in order. They must not change meanwhile. */
  *from(from: string): Generator<string> {
    let at = this.#chunkOf(from);
    let i = position(this.#chunks[at]!, from);
    for (; at < this.#chunks.length; at++, i = 0) {
      const chunk = this.#chunks[at]!;
      for (; i < chunk.length; i++) yield chunk[i]!;
    }
  }

  /** How many are before `key`. */
  before(key: string): number {
    const at = this.#chunkOf(key);
    let count = position(this.#chunks[at]!, key);
    for (let i = 0; i < at; i++) count += this.#chunks[i]!.length;
    return count;
  }

  /** The last chunk that begins at or before `key`. */
  #chunkOf(key: string): number {
    let low = 1;
    let high = this.#chunks.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.#chunks[middle]![0]! <= key) low = middle + 1;
      else high = middle;
    }
    return low - 1;
  }
}

function position(chunk: readonly string[], key: string): number {
  let low = 0;
  let high = chunk.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if (chunk[middle]! < key) low = middle + 1;
    else high = middle;
  }
  return low;
}
