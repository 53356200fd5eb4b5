import { type Provision, StatusError } from '../contract/index.ts';

type Callable = (...args: unknown[]) => unknown;

/** One property of a service: `method` while it is one. */
interface Cell {
  call: Callable;
  method: Callable | undefined;
}

/**
 * A service as its consumers hold it: frozen objects that any of them may share for ever, whose methods call the present provider. Each method
 * goes through a cell that a flip re-points, which costs a few nanoseconds a call; a JavaScript `Proxy` would cost ten times that, and is only
 * what a holder finds in its place who came before the provider of a property.
 */
class Slot {
  /** Who provides it; also who did, and is being started again. */
  owner: string | undefined;
  target: object | undefined;
  /** The target, or the last there was. */
  shown: object = {};
  /** Calls of the present provider that have not ended. */
  inHand = new Set<Promise<unknown>>();
  readonly #what: string;
  readonly #cells = new Map<PropertyKey, Cell>();
  readonly #late: object;
  #forwarder: object | undefined;

  constructor(kind: string, name: string) {
    this.#what = name === '' ? kind : `${kind} "${name}"`;
    this.#late = new Proxy(Object.freeze({}), {
      get: (none, key) => (this.#cells.has(key) ? this.#read(key) : Reflect.get(none, key)),
      has: (none, key) => this.#cells.has(key) || Reflect.has(none, key),
    });
  }

  get forwarder(): object {
    if (this.#forwarder) return this.#forwarder;
    const forwarder = Object.create(this.#late) as object;
    for (const [key, cell] of this.#cells)
      Object.defineProperty(forwarder, key, { get: () => cell.method ?? this.#read(key), enumerable: true });
    this.#forwarder = Object.freeze(forwarder);
    return forwarder;
  }

  point(target: object, owner: string): void {
    const methods = methodsOf(target);
    this.target = target;
    this.shown = target;
    this.owner = owner;
    for (const [key, cell] of this.#cells) if (!methods.get(key)) cell.method = undefined;
    for (const [key, method] of methods) {
      const cell = this.#cell(key);
      if (!method) continue;
      cell.call = method.bind(target) as Callable;
      cell.method ??= (...args) => this.#noted(cell.call(...args));
    }
  }

  clear(owner: string | undefined): void {
    this.target = undefined;
    this.owner = owner;
    for (const cell of this.#cells.values()) cell.call = () => this.#unavailable();
  }

  #cell(key: PropertyKey): Cell {
    let cell = this.#cells.get(key);
    if (!cell) {
      cell = { call: () => this.#unavailable(), method: undefined };
      this.#cells.set(key, cell);
      this.#forwarder = undefined;
    }
    return cell;
  }

  #read(key: PropertyKey): unknown {
    return this.#cell(key).method ?? Reflect.get(this.shown, key);
  }

  #noted(result: unknown): unknown {
    if (!(result instanceof Promise)) return result;
    const { inHand } = this;
    inHand.add(result);
    return result.finally(() => inHand.delete(result));
  }

  #unavailable(): never {
    const text = `no plugin provides ${this.#what} at present; see kubectl get plugins`;
    throw new StatusError('ServiceUnavailable', text);
  }
}

/** Every property of a service with its method, or `undefined` for what is not one. */
function methodsOf(target: object): Map<PropertyKey, Callable | undefined> {
  const found = new Map<PropertyKey, Callable | undefined>();
  for (
    let at: object | null = target;
    at && at !== Object.prototype;
    at = Object.getPrototypeOf(at) as object | null
  ) {
    for (const key of Reflect.ownKeys(at)) {
      if (key === 'constructor' || found.has(key)) continue;
      const value: unknown = Object.getOwnPropertyDescriptor(at, key)!.value;
      found.set(key, typeof value === 'function' ? (value as Callable) : undefined);
    }
  }
  return found;
}

/** What consumers hold of a map: live, and not theirs to change. */
function viewOf<V>(map: Map<string, V>): ReadonlyMap<string, V> {
  const view: ReadonlyMap<string, V> = {
    get size() {
      return map.size;
    },
    get: (key) => map.get(key),
    has: (key) => map.has(key),
    keys: () => map.keys(),
    values: () => map.values(),
    entries: () => map.entries(),
    forEach: (call) => {
      for (const [key, value] of map) call(value, key, view);
    },
    [Symbol.iterator]: () => map[Symbol.iterator](),
  };
  return Object.freeze(view);
}

/** The services of one thread: who provides what, under which name. */
export class Services {
  readonly #slots = new Map<string, Slot>();
  readonly #named = new Map<string, Map<string, object>>();
  readonly #views = new Map<string, ReadonlyMap<string, object>>();
  readonly #changed: (kind: string) => void;

  /** `changed` is called after a service of that kind has been provided or withdrawn. */
  constructor(changed: (kind: string) => void = () => {}) {
    this.#changed = changed;
  }

  /** The single service of a kind; while nobody provides it its methods throw `ServiceUnavailable`, and its properties are as they were last. */
  one(kind: string): object {
    return this.#slot(kind, '').forwarder;
  }

  available(kind: string): boolean {
    return this.direct(kind) !== undefined;
  }

  /** The provider's own object, for a caller that is told of every change. */
  direct(kind: string): object | undefined {
    return this.#slots.get(`${kind}/`)?.target;
  }

  /** As `direct`, and while its provider is being started again what it provided before. */
  last(kind: string): object | undefined {
    const slot = this.#slots.get(`${kind}/`);
    return slot?.owner === undefined ? undefined : slot.shown;
  }

  /** The services of a kind by name; live. */
  many(kind: string): ReadonlyMap<string, object> {
    let map = this.#named.get(kind);
    if (!map) {
      map = new Map();
      this.#named.set(kind, map);
      this.#views.set(kind, viewOf(map));
    }
    return this.#views.get(kind)!;
  }

  /** Refuses what somebody else provides already. */
  check(provisions: readonly Provision[], owner: string): void {
    for (const { token, name } of provisions) {
      const { target, owner: other } = this.#slots.get(`${token.kind}/${name}`) ?? {};
      if (!target || other === owner) continue;
      const what = name === '' ? token.kind : `${token.kind} "${name}"`;
      const text = `plugin "${owner}" provides ${what}, which plugin "${other}" provides already`;
      throw new StatusError('AlreadyExists', text);
    }
  }

  /**
   * Makes `provisions` all that `owner` provides, at once: callers see the old ones or the new ones. Returns the calls that the old
   * ones have in hand. `failing`: it is to provide the others again.
   */
  provide(provisions: readonly Provision[], owner: string, failing = false): Promise<unknown>[] {
    const kept = new Set(provisions.map(({ token, name }) => `${token.kind}/${name}`));
    const kinds = new Set(provisions.map(({ token }) => token.kind));
    const own = [...this.#slots].filter(([, slot]) => slot.owner === owner);
    const inHand = own.flatMap(([, slot]) => [...slot.inHand]);
    for (const [id, slot] of own) {
      slot.inHand = new Set();
      if (kept.has(id)) continue;
      slot.clear(failing ? owner : undefined);
      const kind = id.slice(0, id.indexOf('/'));
      this.#named.get(kind)?.delete(id.slice(kind.length + 1));
      kinds.add(kind);
    }
    for (const { token, name, service } of provisions) {
      const slot = this.#slot(token.kind, name);
      slot.point(service, owner);
      if (!token.many) continue;
      this.many(token.kind);
      this.#named.get(token.kind)!.set(name, slot.forwarder);
    }
    for (const kind of kinds) this.#changed(kind);
    return inHand;
  }

  #slot(kind: string, name: string): Slot {
    const id = `${kind}/${name}`;
    let slot = this.#slots.get(id);
    if (!slot) {
      slot = new Slot(kind, name);
      this.#slots.set(id, slot);
    }
    return slot;
  }
}
