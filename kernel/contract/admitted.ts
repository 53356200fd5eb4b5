import { isStatus, notFound } from './errors.ts';
import type { WriteAdmission } from './kinds/write-admission.ts';
import type { KubeObject } from './model/object.ts';
import type { ObjectClient, Resource, StoredObject, Write } from './objects.ts';

/** The object store behind whatever admits writes at the time of each. */
export function admittedObjects(
  store: ObjectClient,
  writer: string,
  admission: () => WriteAdmission | undefined,
): ObjectClient {
  async function admit<W>(write: W & Write): Promise<W> {
    const present = admission();
    return present?.concerns(write.verb, write.resource) ? await present.admit(write, writer) : write;
  }

  async function modify<T extends KubeObject>(
    ...[resource, key, change]: Parameters<typeof store.modify<T>>
  ) {
    if (!admission()?.concerns('update', resource)) return store.modify(resource, key, change);
    for (;;) {
      const found = await store.get(resource, key);
      if (!found) throw notFound(resource, key.name);
      const draft = structuredClone(found.value);
      if (change(draft) === false) return found;
      try {
        return await store.update(resource, (await admit(written('update', resource, draft))).object);
      } catch (error) {
        if (!isStatus(error, 'Conflict')) throw error;
      }
    }
  }

  return {
    get: (resource, key, options) => store.get(resource, key, options),
    history: (resource, key) => store.history(resource, key),
    list: (resource, options) => store.list(resource, options),
    watch: (resource, options, sink) => store.watch(resource, options, sink),
    create: async (resource, object) =>
      store.create(resource, (await admit(written('create', resource, object))).object),
    update: async (resource, object) =>
      store.update(resource, (await admit(written('update', resource, object))).object),
    modify,
    async delete<T extends KubeObject>(...[resource, key, options]: Parameters<typeof store.delete<T>>) {
      await admit({ ...options, verb: 'delete', resource: resource as unknown as Resource, key });
      return (await store.delete(resource, key, options)) as StoredObject<T>;
    },
    transact: async (writes) => store.transact(await Promise.all(writes.map((write) => admit(write)))),
    health: () => store.health(),
    stats: () => store.stats(),
    onBehalfOf: (user) => admittedObjects(store.onBehalfOf(user), writer, admission),
  };
}

function written<V extends 'create' | 'update', T extends KubeObject>(
  verb: V,
  resource: Resource<T>,
  object: T,
): { verb: V; resource: Resource<T>; object: T } & Write {
  return { verb, resource, object } as { verb: V; resource: Resource<T>; object: T } & Write;
}
