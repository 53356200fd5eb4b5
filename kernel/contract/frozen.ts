/** Data that nobody can change from now on: it, and all that it is made of, however deep. Returns it. */
export function deepFreeze<T>(data: T): T {
  const parts: object[] = [];
  const take = (value: unknown): void => {
    if (typeof value === 'object' && value !== null) parts.push(value);
  };
  take(data);
  for (const part of parts) {
    for (const value of Object.values(part)) take(value);
    Object.freeze(part);
  }
  return data;
}

/** Makes classes, functions and data that a module exports nobody's to change; its variables are so anyway. */
export function freezeExports(module: object): void {
  for (const each of Object.values(module) as unknown[]) {
    deepFreeze(each);
    if (typeof each !== 'function') continue;
    Object.freeze(each);
    Object.freeze(each.prototype);
  }
}
