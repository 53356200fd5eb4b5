import { type Resource, type SecretsEncoding, StatusError } from '../contract/index.ts';
import type { Codec } from './entry.ts';
import { resourceId } from './subjects.ts';

/** Which resources are stored encoded, and by what. */
export class Encodings {
  readonly #resources: ReadonlySet<string>;
  /** By label, and by the name in it. */
  #known: ReadonlyMap<string, Pick<SecretsEncoding, 'decode'>> = new Map();
  #current: SecretsEncoding | undefined;

  constructor(resources: readonly Resource[]) {
    this.#resources = new Set(resources.map(resourceId));
  }

  /** New values are written by the first; what the others wrote is read by them, and what is stored as it is by anybody. */
  set(encodings: readonly SecretsEncoding[]): void {
    [this.#current] = encodings;
    const all = [...encodings].reverse();
    this.#known = new Map<string, Pick<SecretsEncoding, 'decode'>>([
      ['identity', { decode: (raw) => raw }],
      ...all.map((each) => [each.encoding, each] as const),
      ...all.map((each) => [labelOf(each), each] as const),
    ]);
  }

  /** The value as it is stored, and the label of its encoding if it has one. */
  encode(
    resource: Resource,
    json: Uint8Array,
    subject: string,
  ): { data: Uint8Array; encoding: string | undefined } {
    if (!this.#resources.has(resourceId(resource))) return { data: json, encoding: undefined };
    if (!this.#current) {
      const text = `${resource.resource} cannot be written yet: no plugin of kind secrets.v1 has started`;
      throw new StatusError('ServiceUnavailable', text);
    }
    return { data: this.#current.encode(json, subject), encoding: labelOf(this.#current) };
  }

  /** What undoes the encoding of this label; looked up at the first read, which may be after its plugin has started. */
  codec(label: string | undefined, subject: string): Codec | undefined {
    if (!label) return undefined;
    return {
      decode: (raw) => {
        const [name = ''] = label.split('/');
        const found = this.#known.get(label) ?? this.#known.get(name);
        if (!found) {
          const text = `${subject} is stored with the encoding "${name}", which no running plugin has: start it again`;
          throw new StatusError('InternalError', text);
        }
        return found.decode(raw, subject);
      },
      isStale: () => this.#current !== undefined && labelOf(this.#current) !== label,
    };
  }
}

function labelOf({ encoding, key }: SecretsEncoding): string {
  return key === undefined ? encoding : `${encoding}/${key}`;
}
