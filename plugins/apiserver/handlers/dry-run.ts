import { randomUUID } from 'node:crypto';
import { type KubeObject, timestamp } from 'orlop/plugin';
import { sameJson } from '../patch/shape.ts';

/** What the store would have set had `object` been written in place of `old`; in place. */
export function asIfStored(object: KubeObject, old?: KubeObject): KubeObject {
  const generation = old?.metadata?.generation;
  if (!old) {
    object.metadata = {
      ...object.metadata,
      uid: object.metadata?.uid || randomUUID(),
      creationTimestamp: timestamp(),
      ...('spec' in object ? { generation: 1 } : {}),
    };
  } else if (generation !== undefined && !sameJson(intent(object), intent(old))) {
    object.metadata = { ...object.metadata, generation: generation + 1 };
  }
  return object;
}

/** What raises the generation when it changes. */
function intent(object: KubeObject & { status?: unknown }): object {
  const { metadata: _metadata, status: _status, ...rest } = object;
  return rest;
}
