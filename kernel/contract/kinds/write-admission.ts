import type { Resource, Write } from '../objects.ts';
import { service } from '../plugin.ts';

/**
 * `write-admission.v1`: what the writes of plugins pass on their way to the store, so that an object is the same whoever makes it. The API
 * server provides it: it fills in, checks and refuses there what it would for its own clients, and whatever admits those admits plugins.
 * The host asks it for every plugin in the same thread but its provider; where nobody provides it, writes are stored as they are.
 */
export interface WriteAdmission {
  /** Whether it wants to see writes of this kind. It is asked before each: be quick. */
  concerns(verb: Write['verb'], resource: Resource): boolean;
  /** The write as it is to be stored; `write` itself stays as it is. `writer`: the plugin's name. Throws `StatusError` to refuse it. */
  admit<W extends Write>(write: W, writer: string): Promise<W>;
}

export const WriteAdmission = service<WriteAdmission>('write-admission.v1');
