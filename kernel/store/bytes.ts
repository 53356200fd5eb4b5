import { apiVersionOf, type KubeObject, type Resource } from '../contract/index.ts';

const METADATA = Buffer.from('"metadata":{');

/** Makes room for so many bytes. */
export type Room = (length: number) => Buffer;

const SLAB = 64 * 1024;

/** Rooms side by side, which are only given back together: an allocation of its own for each costs a quarter of a load (`bench restart`). */
export function slabs(): Room {
  let slab = Buffer.alloc(0);
  let used = 0;
  return (length) => {
    if (used + length > slab.length) {
      slab = Buffer.allocUnsafeSlow(Math.max(SLAB, length));
      used = 0;
    }
    used += length;
    return slab.subarray(used - length, used);
  };
}

/** The object as it is stored: JSON with kind, apiVersion and metadata first, without `resourceVersion`. */
export function serialize(resource: Resource, object: KubeObject): Buffer {
  const { kind: _kind, apiVersion: _apiVersion, metadata, ...rest } = object;
  const { resourceVersion: _revision, ...meta } = metadata ?? {};
  return Buffer.from(
    JSON.stringify({ kind: resource.kind, apiVersion: apiVersionOf(resource), metadata: meta, ...rest }),
  );
}

/** Puts `metadata.resourceVersion` into what `serialize` made. */
export function withRevision(
  json: Uint8Array,
  revision: number,
  room: Room = Buffer.allocUnsafeSlow,
): Buffer {
  const at = start(json);
  const field = `"resourceVersion":"${revision}",`;
  const out = room(json.length + field.length);
  out.set(json.subarray(0, at));
  out.write(field, at, 'latin1');
  out.set(json.subarray(at), at + field.length);
  return out;
}

/** Takes it out again. */
export function withoutRevision(bytes: Uint8Array, revision: number): Buffer {
  const at = start(bytes);
  const length = `"resourceVersion":"${revision}",`.length;
  return Buffer.concat([bytes.subarray(0, at), bytes.subarray(at + length)]);
}

function start(json: Uint8Array): number {
  const view = Buffer.from(json.buffer, json.byteOffset, json.byteLength);
  const at = view.indexOf(METADATA);
  if (at < 0) throw new Error('a stored object has no metadata');
  return at + METADATA.length;
}
