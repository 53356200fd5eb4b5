import { createHash, randomBytes } from 'node:crypto';
import { Readable } from 'node:stream';
import { isStatus, StatusError } from '../errors.ts';
import type { BlobClient, BlobInfo } from './client.ts';
import { inPieces } from './pieces.ts';

/** A durable log of messages by subject; what blobs are kept in. Throws `ServiceUnavailable`. */
export interface MessageLog {
  /** Appends once, and only if the last message of the subject is `last` (0: there is none); `Conflict` otherwise. Returns its number. */
  append(subject: string, data: string | Uint8Array, last: number, replace?: 'replace'): Promise<number>;
  /** The last of a subject, or the first from number `seq` whose subject matches. */
  read(which: { last_by_subj: string } | { seq: number; next_by_subj: string }): Promise<Message | undefined>;
  /** How many there are, by subject. */
  count(filter: string): Promise<Record<string, number>>;
  /** Removes those whose subject matches, and whose number is below `before` if that is given. Returns how many. */
  purge(filter: string, before?: number): Promise<number>;
}

interface Message {
  readonly seq: number;
  readonly data: Buffer;
  /** RFC 3339. */
  readonly time: string;
}

/** The meta of an object in NATS' object store (its ADR-20), so that its other clients see the blobs too. */
interface Meta {
  name: string;
  bucket: string;
  /** Last token of its chunks' subject. */
  nuid: string;
  size: number;
  chunks: number;
  digest: string;
  options: { max_chunk_size: number };
  deleted?: boolean;
}

interface Entry {
  meta: Meta;
  revision: number;
  modified: Date;
}

const DIGEST = /^sha256-[0-9a-f]{64}$/;
/** A chunk is read as one JSON answer with base64 in it, which must fit into a message of 1 MiB. */
const CHUNK_BYTES = 256 * 1024;

/**
 * Blobs in a log that is a bucket of NATS' object store. A blob is there when its meta is, which comes after its chunks and names them; a meta
 * takes the place of the one its writer has seen, or is made from the newer one.
 */
export class ContentStore implements BlobClient {
  readonly #log: MessageLog;
  readonly #bucket: string;
  readonly #chunks: string;
  readonly #metas: string;

  constructor(log: MessageLog, bucket: string) {
    this.#log = log;
    this.#bucket = bucket;
    this.#chunks = `$O.${bucket}.C.`;
    this.#metas = `$O.${bucket}.M.`;
  }

  async put(data: Uint8Array | AsyncIterable<Uint8Array>): Promise<BlobInfo> {
    const id = randomBytes(16).toString('hex');
    const subject = this.#chunks + id;
    const hash = createHash('sha256');
    let [size, chunks, last] = [0, 0, 0];
    try {
      for await (const chunk of inPieces(data instanceof Uint8Array ? [data] : data, CHUNK_BYTES)) {
        hash.update(chunk);
        last = await this.#log.append(subject, chunk, last);
        size += chunk.length;
        chunks += 1;
      }
      const digest = hash.digest();
      const mine: Meta = {
        name: `sha256-${digest.toString('hex')}`,
        bucket: this.#bucket,
        nuid: id,
        size,
        chunks,
        digest: `SHA-256=${digest.toString('base64url')}=`,
        options: { max_chunk_size: CHUNK_BYTES },
      };
      const entry = await this.#change(mine.name, async (now) =>
        now && (await this.#isWhole(now.meta)) ? now.meta : mine,
      );
      if (entry!.meta.nuid !== id) await this.#log.purge(subject);
      return infoOf(entry!);
    } catch (error) {
      // What cannot be removed now is removed by a sweep.
      await this.#log.purge(subject).catch(() => 0);
      if (!isStatus(error, 'Conflict')) throw error;
      throw new StatusError(
        'Timeout',
        'the put was so slow that it was taken for dead: put it again',
        {},
        { cause: error },
      );
    }
  }

  async get(digest: string): Promise<Readable> {
    const entry = await this.#entry(digest);
    if (!entry || entry.meta.deleted)
      throw new StatusError('NotFound', `there is no blob ${digest} in the cluster: put it (again)`);
    const parts = this.#read(entry.meta);
    // Not `Readable.from`, which waits for the part it has asked for when it is destroyed.
    return new Readable({
      highWaterMark: CHUNK_BYTES,
      read() {
        parts.next().then(
          ({ done, value }) => this.push(done ? null : value),
          (error: Error) => this.destroy(error),
        );
      },
    });
  }

  async stat(digest: string): Promise<BlobInfo | undefined> {
    const entry = await this.#entry(digest);
    return entry && !entry.meta.deleted ? infoOf(entry) : undefined;
  }

  async list(): Promise<BlobInfo[]> {
    return (await this.#entries()).filter(({ meta }) => !meta.deleted).map(infoOf);
  }

  async keep(digest: string): Promise<boolean> {
    return (await this.#change(digest, (now) => now?.meta)) !== undefined;
  }

  async delete(digest: string, { revision }: { revision?: number } = {}): Promise<void> {
    const check = (now: Entry | undefined): Meta | undefined => {
      const there = now && !now.meta.deleted ? now : undefined;
      if (revision !== undefined && there?.revision !== revision)
        throw new StatusError('Conflict', `blob ${digest} was put, kept or deleted meanwhile: look again`);
      return there?.meta;
    };
    await this.#change(digest, check, true);
  }

  async sweep(age: number): Promise<void> {
    const before = Date.now() - age;
    // Before the metas: a put that ends meanwhile is seen there.
    const chunks = Object.keys(await this.#log.count(`${this.#chunks}>`));
    const used = new Set<string>();
    for (const { meta, modified, revision } of await this.#entries()) {
      const expired = meta.deleted === true && modified.getTime() <= before;
      // Its meta goes first: one that is kept meanwhile has another number, and keeps its chunks.
      if (!expired || (await this.#log.purge(this.#metaOf(meta.name), revision + 1)) === 0)
        used.add(this.#chunks + meta.nuid);
    }
    for (const subject of chunks) {
      if (used.has(subject)) continue;
      const last = await this.#log.read({ last_by_subj: subject });
      // A put that was only slow fails at its next chunk, which does not follow its last one.
      if (last && Date.parse(last.time) <= before) await this.#log.purge(subject);
    }
  }

  /** Holds the last part back until all of it is known to be right. */
  async *#read({ name, nuid, chunks }: Meta): AsyncGenerator<Buffer> {
    const damaged = (how: string): StatusError =>
      new StatusError(
        'InternalError',
        `blob ${name} is damaged: ${how}. Put the same bytes again to mend it`,
      );
    const hash = createHash('sha256');
    let held: Message | undefined;
    for (let part = 1; part <= chunks; part++) {
      const seq: number = (held?.seq ?? 0) + 1;
      const next = await this.#log.read({ seq, next_by_subj: this.#chunks + nuid });
      if (!next) throw damaged(`part ${part} of ${chunks} is missing`);
      hash.update(next.data);
      if (held) yield held.data;
      held = next;
    }
    if (`sha256-${hash.digest('hex')}` !== name) throw damaged('its bytes are not those that were put');
    if (held) yield held.data;
  }

  /** Writes what `next` makes of the blob's last meta, if it makes something; again when another was first. */
  async #change(
    digest: string,
    next: (now: Entry | undefined) => Meta | undefined | Promise<Meta | undefined>,
    deleted = false,
  ): Promise<Entry | undefined> {
    for (;;) {
      const now = await this.#entry(digest);
      const meta = await next(now);
      if (!meta) return undefined;
      try {
        const text = JSON.stringify({ ...meta, deleted: deleted || undefined });
        const revision = await this.#log.append(this.#metaOf(digest), text, now?.revision ?? 0, 'replace');
        return { meta, revision, modified: new Date() };
      } catch (error) {
        if (!isStatus(error, 'Conflict')) throw error;
      }
    }
  }

  async #entry(digest: string): Promise<Entry | undefined> {
    if (!DIGEST.test(digest))
      throw new StatusError('BadRequest', `"${digest}" is no digest: sha256- and 64 hexadecimal digits`);
    const message = await this.#log.read({ last_by_subj: this.#metaOf(digest) });
    return message && entryOf(message);
  }

  async #entries(): Promise<Entry[]> {
    // One that is written meanwhile comes again, at the end.
    const entries = new Map<string, Entry>();
    for (let seq = 1; ; ) {
      const message = await this.#log.read({ seq, next_by_subj: `${this.#metas}>` });
      if (!message) return [...entries.values()];
      const entry = entryOf(message);
      entries.set(entry.meta.name, entry);
      seq = message.seq + 1;
    }
  }

  async #isWhole(meta: Meta): Promise<boolean> {
    try {
      for await (const _ of this.#read(meta));
      return true;
    } catch (error) {
      if (!isStatus(error, 'InternalError')) throw error;
      return false;
    }
  }

  #metaOf(digest: string): string {
    return this.#metas + Buffer.from(digest).toString('base64');
  }
}

function entryOf({ data, seq, time }: Message): Entry {
  return { meta: JSON.parse(data.toString()) as Meta, revision: seq, modified: new Date(time) };
}

function infoOf({ meta, revision, modified }: Entry): BlobInfo {
  return { digest: meta.name, size: meta.size, modified, revision };
}
