/**
 * Functions of the language as they were when this was loaded, before any plugin in the thread could put others in their place: what decides about a
 * plugin does not ask the plugin. Methods take what they are of as their first argument.
 */
type Of<T, P extends unknown[], R> = (of: T, ...parameters: P) => R;

const { bind, call } = Function.prototype;
const methodOf = bind.bind(call) as (method: unknown) => (...parameters: unknown[]) => unknown;

export const { create, defineProperty, getOwnPropertyDescriptor, hasOwn, keys } = Object;
export const allNames = Object.getOwnPropertyNames;
export const { apply, construct, get } = Reflect;
export const { isArray } = Array;
export const { captureStackTrace } = Error;
export const clone = structuredClone;
export const encode = encodeURIComponent;
export const ProxyOf = Proxy;

export const startsWith = methodOf(String.prototype.startsWith) as Of<string, [string], boolean>;
export const indexOf = methodOf(String.prototype.indexOf) as Of<string, [string], number>;
export const slice = methodOf(String.prototype.slice) as Of<string, [number, number?], string>;
export const exec = methodOf(RegExp.prototype.exec) as Of<RegExp, [string], RegExpExecArray | null>;

/** Not `includes`, nor by an iterator. */
export function holds(list: readonly unknown[], item: unknown): boolean {
  for (let i = 0; i < list.length; i += 1) if (list[i] === item) return true;
  return false;
}

/** By name; nothing is inherited. */
export function record<T>(): Record<string, T | undefined> {
  return create(null) as Record<string, T | undefined>;
}
