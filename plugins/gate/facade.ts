/** What a plugin gets of a module that it may not use, or not all of: the same names, and functions that refuse. */

/** Throws: why the thing of that name is refused. */
export type Refuse = (name: string) => never;

/**
 * The module with what `isOpen` says as it is. All else may be looked at, taken apart, inherited from and passed on, as packages do when they are
 * imported, and is refused when it is called. `others`: in the place of the module's own.
 */
export function facade(
  module: object,
  isOpen: (name: string) => boolean,
  refuse: Refuse,
  others: Readonly<Record<string, unknown>> = {},
): object {
  const target =
    typeof module === 'function' ? (wall(module, '', refuse) as object) : (Object.create(null) as object);
  for (const [name, descriptor] of Object.entries(Object.getOwnPropertyDescriptors(module))) {
    if (typeof module === 'function' && (name === 'prototype' || name === 'length' || name === 'name'))
      continue;
    const value = (): unknown => (module as Record<string, unknown>)[name];
    const { enumerable = true } = descriptor;
    const settings = { configurable: true, enumerable };
    if (Object.hasOwn(others, name))
      Object.defineProperty(target, name, { ...settings, writable: true, value: others[name] });
    else if (isOpen(name)) Object.defineProperty(target, name, { ...descriptor, configurable: true });
    else {
      let made: unknown;
      const get = (): unknown => {
        made ??= wall(value(), name, refuse);
        return made;
      };
      const set = (other: unknown): void => {
        made = other;
      };
      Object.defineProperty(target, name, { ...settings, get, set });
    }
  }
  return target;
}

/** Of objects what they hold is walled as well, and nothing is told but names. */
export function wall(value: unknown, name: string, refuse: Refuse): unknown {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
  if (isConstants(value)) return { ...value };
  const made = new Map<PropertyKey, unknown>();
  // biome-ignore lint/complexity/useArrowFunction: one that can be called with `new`
  const target = typeof value === 'function' ? function () {} : {};
  return new Proxy(target, {
    apply: () => refuse(name),
    construct: () => refuse(name),
    get(own, key, receiver) {
      if (key === 'prototype' && typeof value === 'function') {
        const prototype: unknown = value.prototype;
        if (!made.has(key) && typeof prototype === 'object' && prototype !== null)
          made.set(key, wall(prototype, name, refuse));
        return made.get(key);
      }
      // What all functions have, `bind` say, leads to the traps above.
      if (key in own || !(key in value)) return Reflect.get(own, key, receiver);
      if (!made.has(key)) {
        const held = (value as Record<PropertyKey, unknown>)[key];
        const isTold = typeof held === 'function' || (typeof held === 'object' && held !== null);
        made.set(key, isTold ? wall(held, `${name}.${String(key)}`, refuse) : undefined);
      }
      return made.get(key);
    },
  });
}

function isConstants(value: object): boolean {
  const values = typeof value === 'function' ? [] : Object.values(value);
  return values.length > 0 && values.every((each) => typeof each === 'number');
}
