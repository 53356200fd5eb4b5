import { randomUUID } from 'node:crypto';
import { createdObject, type KubeObject, updatedObject } from 'orlop/plugin';

/** What would have been stored had `object` been written in place of `old`. */
export function asIfStored(object: KubeObject, old?: KubeObject): KubeObject {
  if (old) return updatedObject(old, object).object;
  const { name = '', uid } = object.metadata ?? {};
  return createdObject(object, name, uid || randomUUID(), new Date());
}
