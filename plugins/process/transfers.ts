import { addAbortSignal, PassThrough } from 'node:stream';
import { type BlobClient, type BlobInfo, StatusError } from 'orlop/plugin';

interface Transfer {
  close(): void;
}

interface Get extends Transfer {
  next(): Promise<Buffer | undefined>;
}

interface Put extends Transfer {
  add(piece: Buffer): Promise<void>;
  end(): Promise<BlobInfo>;
}

/** At once, of one plugin. */
const MOST = 32;

/** Blobs that go to and from another process a piece a message, each under a number that its plugin chose. */
export class Transfers {
  readonly #blobs: BlobClient;
  readonly #signal: AbortSignal;
  readonly #gets = new Map<number, Get>();
  readonly #puts = new Map<number, Put>();

  /** What is under way ends with the signal. */
  constructor(blobs: BlobClient, signal: AbortSignal) {
    this.#blobs = blobs;
    this.#signal = signal;
  }

  /** The next piece; `undefined` after the last. `digest`: of the first only. */
  async get(id: number, digest: string): Promise<Buffer | undefined> {
    const get = this.#gets.get(id) ?? this.#opened(this.#gets, id, await this.#get(digest));
    return await this.#orClosed(id, async () => {
      const piece = await get.next();
      if (!piece) this.close(id);
      return piece;
    });
  }

  /** Takes the next piece; the blob when it was the last. */
  async put(id: number, piece: Buffer, isLast: boolean): Promise<BlobInfo | undefined> {
    const put = this.#puts.get(id) ?? this.#opened(this.#puts, id, this.#put());
    return await this.#orClosed(id, async () => {
      await put.add(piece);
      if (!isLast) return undefined;
      const info = await put.end();
      this.#puts.delete(id);
      return info;
    });
  }

  /** Gives one up: of a put nothing is stored. */
  close(id: number): void {
    for (const each of [this.#gets, this.#puts]) {
      each.get(id)?.close();
      each.delete(id);
    }
  }

  async #get(digest: string): Promise<Get> {
    const stream = await this.#blobs.get(digest);
    const pieces = stream[Symbol.asyncIterator]() as AsyncIterator<Buffer, undefined>;
    return { next: async () => (await pieces.next()).value, close: () => stream.destroy() };
  }

  #put(): Put {
    const source = addAbortSignal(this.#signal, new PassThrough());
    const stored = this.#blobs.put(source);
    // Told to whoever adds the next piece.
    stored.catch(() => source.destroy());
    source.on('error', () => undefined);
    const taken = (piece: Buffer): Promise<void> =>
      new Promise((resolve) => source.write(piece, () => resolve()));
    return {
      async add(piece) {
        await Promise.race([taken(piece), stored]);
      },
      end() {
        source.end();
        return stored;
      },
      close: () => source.destroy(),
    };
  }

  #opened<T extends Transfer>(among: Map<number, T>, id: number, opened: T): T {
    const problem =
      this.#gets.has(id) || this.#puts.has(id)
        ? new StatusError('AlreadyExists', `id ${id} is of another blob that is under way`)
        : this.#gets.size + this.#puts.size >= MOST
          ? new StatusError('TooManyRequests', `${MOST} blobs are under way: end one, or blobs.close it`)
          : undefined;
    if (problem) {
      opened.close();
      throw problem;
    }
    among.set(id, opened);
    return opened;
  }

  async #orClosed<T>(id: number, work: () => Promise<T>): Promise<T> {
    try {
      return await work();
    } catch (error) {
      this.close(id);
      throw error;
    }
  }
}
