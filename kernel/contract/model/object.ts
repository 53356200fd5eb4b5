import type { ObjectKey } from '../objects.ts';
import type { ObjectMeta } from './kubernetes.ts';

/** What every object of the store has. */
export interface KubeObject {
  apiVersion?: string;
  kind?: string;
  metadata?: ObjectMeta;
}

/** `default/web`, or `web` for a cluster-scoped object: for messages and work queues. */
export function keyOf(key: { namespace?: string | undefined; name: string }): string {
  return key.namespace ? `${key.namespace}/${key.name}` : key.name;
}

/** The inverse of `keyOf`. */
export function parseKey(text: string): { namespace?: string; name: string } {
  const slash = text.indexOf('/');
  return slash < 0 ? { name: text } : { namespace: text.slice(0, slash), name: text.slice(slash + 1) };
}

/** The key an object is stored under. */
export function objectKey(object: KubeObject): ObjectKey {
  const { namespace, name = '' } = object.metadata ?? {};
  return namespace === undefined ? { name } : { namespace, name };
}

/** `keyOf(objectKey(object))`: for work queues and messages. */
export function keyOfObject(object: KubeObject): string {
  return keyOf(objectKey(object));
}

/** Now, as Kubernetes writes a `Time`: RFC 3339, whole seconds, UTC. */
export function timestamp(date: Date = new Date()): string {
  return `${date.toISOString().slice(0, 19)}Z`;
}

/** Now, as a `MicroTime`. */
export function microTimestamp(date: Date = new Date()): string {
  return `${date.toISOString().slice(0, 23)}000Z`;
}

/** No vowels, hence no words: what generated names are made of. Source: apimachinery `util/rand`. */
export const NAME_ALPHABET = 'bcdfghjklmnpqrstvwxz2456789';
const MAX_GENERATED_BASE = 58;

/** `prefix` and five random characters, at most 63 long, as `metadata.generateName` asks for. Source: apiserver `storage/names/generate.go`. */
export function generateName(prefix: string): string {
  let suffix = '';
  for (let i = 0; i < 5; i += 1) suffix += NAME_ALPHABET[Math.floor(Math.random() * NAME_ALPHABET.length)];
  return prefix.slice(0, MAX_GENERATED_BASE) + suffix;
}
