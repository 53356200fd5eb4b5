import { WasiError } from './io.ts';

const TOKEN = /^[!#$%&'*+\-.^_`|~0-9A-Za-z]+$/;
/** Belong to the connection, which is the host's. */
const FORBIDDEN = new Set([
  'connection',
  'host',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'transfer-encoding',
  'upgrade',
]);

/** The resource `fields` (headers and trailers). Names are lower case; values are bytes. */
export class Fields {
  entryList: [string, Uint8Array][] = [];
  immutable = false;

  static fromList(list: [string, Uint8Array][]): Fields {
    const fields = new Fields();
    for (const [name, value] of list) fields.append(name, value);
    return fields;
  }

  /** What arrived: pairs of name and value as `IncomingMessage.rawHeaders` has them. */
  static received(raw: readonly string[]): Fields {
    const fields = new Fields();
    for (let i = 0; i + 1 < raw.length; i += 2) {
      fields.entryList.push([raw[i]!.toLowerCase(), Buffer.from(raw[i + 1]!, 'latin1')]);
    }
    fields.immutable = true;
    return fields;
  }

  get(name: string): Uint8Array[] {
    const key = name.toLowerCase();
    return this.entryList.filter(([k]) => k === key).map(([, value]) => value);
  }

  has(name: string): boolean {
    const key = name.toLowerCase();
    return this.entryList.some(([k]) => k === key);
  }

  set(name: string, values: Uint8Array[]): void {
    this.delete(name);
    for (const value of values) this.append(name, value);
  }

  delete(name: string): void {
    if (this.immutable) throw new WasiError({ tag: 'immutable' });
    const key = name.toLowerCase();
    this.entryList = this.entryList.filter(([k]) => k !== key);
  }

  append(name: string, value: Uint8Array): void {
    if (this.immutable) throw new WasiError({ tag: 'immutable' });
    const key = name.toLowerCase();
    if (!TOKEN.test(key) || value.some((byte) => byte === 0 || byte === 10 || byte === 13)) {
      throw new WasiError({ tag: 'invalid-syntax' });
    }
    if (FORBIDDEN.has(key)) throw new WasiError({ tag: 'forbidden' });
    this.entryList.push([key, value.slice()]);
  }

  entries(): [string, Uint8Array][] {
    return this.entryList;
  }

  clone(): Fields {
    const copy = new Fields();
    copy.entryList = [...this.entryList];
    return copy;
  }

  /** Pairs of name and value for `ServerResponse.writeHead`. */
  toRaw(): string[] {
    const raw: string[] = [];
    for (const [name, value] of this.entryList) {
      raw.push(name, Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('latin1'));
    }
    return raw;
  }
}
