import type { BusClient, Subscription } from './bus.ts';
import { qualifiedResource, StatusError } from './errors.ts';
import type { KubeObject } from './model/object.ts';
import type { ObjectClient, Resource, Watch, Write } from './objects.ts';
import type { Grants, Verb } from './plugin.ts';

/** One instance's access to the kernel: open until revoked, and the owner of the watches and subscriptions made through it. */
export class Access {
  readonly label: string;
  readonly #grants: Grants;
  readonly #open = new Set<{ close(): void }>();
  readonly #known = new WeakMap<Resource, { resource: Resource; verbs: ReadonlySet<Verb> | '*' }>();
  #revoked: string | undefined;

  /** `label` names the instance in errors, e.g. `plugin "ingress" revision 2`. */
  constructor(label: string, grants: Grants = {}) {
    this.label = label;
    // What an object inherits is not granted.
    this.#grants = Object.assign(Object.create(null) as Grants, grants);
  }

  /** Closes all that was opened. */
  close(): void {
    for (const each of this.#open) each.close();
    this.#open.clear();
  }

  /** Closes all that was opened; whatever is tried from now on fails, and says `why`. */
  revoke(why: string): void {
    this.#revoked ??= why;
    this.close();
  }

  check(): void {
    if (this.#revoked === undefined) return;
    throw new StatusError('Forbidden', `${this.label} ${this.#revoked}: its context is revoked`);
  }

  host(power: NonNullable<Grants['host']>[number], what: string): void {
    this.check();
    if (this.#grants.host?.includes(power)) return;
    throw new StatusError('Forbidden', `${this.label} may not ${what}: add '${power}' to its grants.host`);
  }

  blobs(grant: 'read' | 'write'): void {
    this.check();
    if (this.#grants.blobs?.includes(grant)) return;
    throw new StatusError(
      'Forbidden',
      `${this.label} may not ${grant} blobs: add '${grant}' to its grants.blobs`,
    );
  }

  impersonate(user: string): string {
    this.check();
    if (typeof user !== 'string')
      throw new StatusError('BadRequest', `${this.label}: a user is named by a string, not ${typeof user}`);
    if (this.#grants.impersonate === true) return user;
    throw new StatusError(
      'Forbidden',
      `${this.label} may not write on behalf of user "${user}": add impersonate: true to its grants`,
    );
  }

  /** The resource, if all `verbs` are granted on it: a copy, so that the caller cannot change it afterwards. */
  resource<T extends KubeObject>(resource: Resource<T>, ...verbs: Verb[]): Resource<T> {
    this.check();
    let known = this.#known.get(resource);
    if (!known) {
      const copy = Object.freeze({ ...resource });
      known = { resource: copy, verbs: this.#verbs(copy) };
      this.#known.set(resource, known);
    }
    for (const verb of verbs) {
      if (known.verbs === '*' || known.verbs.has(verb)) continue;
      const { kind, group, resource: plural } = known.resource;
      throw new StatusError(
        'Forbidden',
        `${this.label} may not ${verb} ${qualifiedResource(known.resource)}: add the verb '${verb}' for ${kind} to its grants.objects`,
        { group, kind: plural },
      );
    }
    return known.resource as Resource<T>;
  }

  #verbs(resource: Resource): ReadonlySet<Verb> | '*' {
    const verbs = new Set<Verb>();
    for (const grant of this.#grants.objects ?? []) {
      const { resource: granted } = grant;
      if (granted !== '*' && (granted.group !== resource.group || granted.resource !== resource.resource))
        continue;
      if (grant.verbs === '*') return '*';
      for (const verb of grant.verbs) verbs.add(verb);
    }
    return verbs;
  }

  subject(subject: string, grant: 'publish' | 'subscribe'): string {
    this.check();
    const text = String(subject);
    if (!/^[^\s.]+(\.[^\s.]+)*$/u.test(text)) {
      throw new StatusError(
        'BadRequest',
        `${this.label}: ${JSON.stringify(text)} is not a subject; see subjectToken`,
      );
    }
    if (this.#grants[grant]?.some((pattern) => covers(pattern, text))) return text;
    throw new StatusError(
      'Forbidden',
      `${this.label} may not ${grant} to "${text}": add it to its grants.${grant}`,
    );
  }

  /** Ties something closable to this access; its own `close` unties it. */
  own<T extends { close(): void }>(opened: T): T {
    const close = opened.close.bind(opened);
    const owned = {
      close: () => {
        this.#open.delete(owned);
        close();
      },
    };
    this.#open.add(owned);
    return owned as T;
  }
}

// All plugins of a thread are checked by it.
Object.freeze(Access.prototype);

/** Whether every subject `subject` matches (it may hold wildcards) is matched by `pattern`. */
export function covers(pattern: string, subject: string): boolean {
  const granted = pattern.split('.');
  const asked = subject.split('.');
  for (const [i, token] of granted.entries()) {
    if (token === '>') return asked.length > i;
    if (i >= asked.length || asked[i] === '>') return false;
    if (token !== '*' && token !== asked[i]) return false;
  }
  return asked.length === granted.length;
}

/** The object store as one instance may use it. */
export function grantedObjects(store: ObjectClient, access: Access): ObjectClient {
  return {
    get: async (resource, key, options) => store.get(access.resource(resource, 'get'), key, options),
    history: async (resource, key) => store.history(access.resource(resource, 'get'), key),
    list: async (resource, options) => store.list(access.resource(resource, 'list'), options),
    watch(resource, options, sink): Watch {
      const granted = access.resource(resource, 'watch');
      const watch: Watch = access.own(
        store.watch(granted, options, {
          event: (event) => sink.event(event),
          closed(error) {
            sink.closed(error);
            // The store may end a watch before it has returned it.
            queueMicrotask(() => watch.close());
          },
        }),
      );
      return watch;
    },
    create: async (resource, object) => store.create(access.resource(resource, 'create'), object),
    update: async (resource, object) => store.update(access.resource(resource, 'update'), object),
    modify: async (resource, key, change) =>
      store.modify(access.resource(resource, 'get', 'update'), key, change),
    delete: async (resource, key, options) => store.delete(access.resource(resource, 'delete'), key, options),
    health: async () => store.health(),
    stats: () => store.stats(),
    onBehalfOf: (user) => grantedObjects(store.onBehalfOf(access.impersonate(user)), access),
    transact: async (writes) =>
      store.transact(
        // Not the list's own `map`, which the caller may have made.
        Array.from(writes, (each) => {
          const write: Write = { ...each };
          write.resource = access.resource(write.resource, write.verb);
          return write;
        }),
      ),
  };
}

/** The event bus as one instance may use it. */
export function grantedBus(bus: BusClient, access: Access): BusClient {
  const own = (subscription: Subscription): Subscription => access.own(subscription);
  return {
    publish: (subject, data) => bus.publish(access.subject(subject, 'publish'), data),
    request: async (subject, data, options) => bus.request(access.subject(subject, 'publish'), data, options),
    openStream: async (subject, params, options) =>
      bus.openStream(access.subject(subject, 'publish'), params, options),
    subscribe: (subject, handler, options) =>
      own(bus.subscribe(access.subject(subject, 'subscribe'), handler, options)),
    serve: (subject, handler, options) =>
      own(bus.serve(access.subject(subject, 'subscribe'), handler, options)),
    acceptStreams: (subject, handler) =>
      own(bus.acceptStreams(access.subject(subject, 'subscribe'), handler)),
  };
}
