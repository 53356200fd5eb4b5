import { type Resource, type SecretsEncoding, StatusError } from '../contract/index.ts';
import type { Decode } from './entry.ts';
import { resourceId } from './subjects.ts';

/** Which resources are stored encoded, and by what. */
export class Encodings {
  readonly #resources: ReadonlySet<string>;
  readonly #known = new Map<string, SecretsEncoding>();
  #current: SecretsEncoding | undefined;

  constructor(resources: readonly Resource[]) {
    this.#resources = new Set(resources.map(resourceId));
  }

  /** New values are written by `encoding`; what others wrote is still read by them. */
  set(encoding: SecretsEncoding): void {
    this.#current = encoding;
    this.#known.set(encoding.encoding, encoding);
  }

  /** The value as it is stored, and the name of its encoding if it has one. */
  encode(
    resource: Resource,
    json: Uint8Array,
    subject: string,
  ): { data: Uint8Array; encoding: string | undefined } {
    if (!this.#resources.has(resourceId(resource))) return { data: json, encoding: undefined };
    if (!this.#current)
      throw new StatusError(
        'ServiceUnavailable',
        `${resource.resource} cannot be written yet: no plugin of kind secrets.v1 has started`,
      );
    return { data: this.#current.encode(json, subject), encoding: this.#current.encoding };
  }

  /** What undoes the encoding of this name; looked up at the first read, which may be after its plugin has started. */
  decoder(encoding: string | undefined, subject: string): Decode | undefined {
    if (!encoding) return undefined;
    return (raw) => {
      const found = this.#known.get(encoding);
      if (!found)
        throw new StatusError(
          'InternalError',
          `${subject} is stored with the encoding "${encoding}", which no running plugin has: start it again`,
        );
      return found.decode(raw, subject);
    };
  }
}
