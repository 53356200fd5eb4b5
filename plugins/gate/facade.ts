/** What a plugin gets of a module that it may not use, or not all of: the same names, and functions that refuse. */

import {
  allNames,
  create,
  defineProperty,
  get,
  getOwnPropertyDescriptor,
  hasOwn,
  keys,
  ProxyOf,
} from './intact.ts';

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
  const isFunction = typeof module === 'function';
  const target = (isFunction ? wall(module, '', refuse) : create(null)) as object;
  const names = allNames(module);
  for (let i = 0; i < names.length; i += 1) {
    const name = names[i]!;
    if (isFunction && (name === 'prototype' || name === 'length' || name === 'name')) continue;
    if (hasOwn(others, name)) define(target, name, { value: others[name], writable: true });
    else if (isOpen(name)) define(target, name, getOwnPropertyDescriptor(module, name)!);
    else defineWall(target, name, module, refuse);
  }
  return target;
}

/** Made when it is first looked at: some are loaded then. */
function defineWall(target: object, name: string, module: object, refuse: Refuse): void {
  let made: unknown;
  define(target, name, {
    get() {
      made ??= wall((module as Record<string, unknown>)[name], name, refuse);
      return made;
    },
    set(other: unknown) {
      made = other;
    },
  });
}

function define(target: object, name: string, property: PropertyDescriptor): void {
  defineProperty(target, name, {
    __proto__: null,
    ...property,
    configurable: true,
    enumerable: true,
  } as object);
}

/** Of objects what they hold is walled as well, and nothing is told but names. */
export function wall(value: unknown, name: string, refuse: Refuse): unknown {
  if (typeof value !== 'function' && (typeof value !== 'object' || value === null)) return value;
  if (isConstants(value)) return { ...value };
  const made = create(null) as Record<PropertyKey, unknown>;
  // biome-ignore lint/complexity/useArrowFunction: one that can be called with `new`
  const target = typeof value === 'function' ? function () {} : {};
  return new ProxyOf(target, {
    __proto__: null,
    apply: () => refuse(name),
    construct: () => refuse(name),
    get(own: object, key: PropertyKey, receiver: unknown) {
      if (key === 'prototype' && typeof value === 'function') {
        const prototype: unknown = value.prototype;
        if (typeof prototype !== 'object' || prototype === null) return undefined;
        made[key] ??= wall(prototype, name, refuse);
        return made[key];
      }
      // What all functions have, `bind` say, leads to the traps above.
      if (key in own || !(key in value)) return get(own, key, receiver);
      if (!(key in made)) {
        const held = (value as Record<PropertyKey, unknown>)[key];
        const isTold = typeof held === 'function' || (typeof held === 'object' && held !== null);
        made[key] = isTold ? wall(held, `${name}.${String(key)}`, refuse) : undefined;
      }
      return made[key];
    },
  } as ProxyHandler<object>);
}

function isConstants(value: object): boolean {
  if (typeof value === 'function') return false;
  const names = keys(value);
  for (let i = 0; i < names.length; i += 1)
    if (typeof (value as Record<string, unknown>)[names[i]!] !== 'number') return false;
  return names.length > 0;
}
