/** What the modules made in the place of others import, in the plugin's own thread. Each is bound to an origin, and gives what is for that. */
import { createRequire } from 'node:module';
import { StatusError, writePrivate } from 'orlop/plugin';
import { isOpenTo, powerFor } from './builtins.ts';
import { CommonJs } from './commonjs.ts';
import { facade, type Refuse } from './facade.ts';
import { holds, record } from './intact.ts';
import { type Origin, originById, refusal } from './origins.ts';

const require = createRequire(import.meta.url);
/** By origin and name. */
const facades = record<object>();
const requires = record<CommonJs>();

/** A module of Node as that origin may have it. */
export function builtin(id: string, asked: string): object {
  // Whatever it is: read once.
  const name = `${asked}`;
  const origin = originById(id);
  if (isOpenTo(origin.powers, name)) return require(`node:${name}`) as object;
  // Guarded itself.
  if (name === 'process') return process;
  const key = `${id} ${name}`;
  let made = facades[key];
  if (!made) {
    const others =
      name === 'module'
        ? { createRequire: (from: string | URL) => commonJs(id).createRequire(from) }
        : name === 'worker_threads'
          ? { parentPort: null, workerData: null }
          : {};
    const refuse: Refuse = (part) => {
      const what = part === '' ? `node:${name}` : `node:${name}.${part}`;
      throw forbidden(origin, what, powerFor(name, part.split('.')[0]!) ?? 'exec');
    };
    const isOpen = (part: string): boolean => powerFor(name, part, origin.powers) === undefined;
    made = facade(require(`node:${name}`) as object, isOpen, refuse, others);
    facades[key] = made;
  }
  return made;
}

/** `require`, for that origin. */
export function commonJs(id: string): CommonJs {
  let made = requires[id];
  if (!made) {
    made = new CommonJs(originById(id), (name) => builtin(id, name), writePrivateOf(id));
    requires[id] = made;
  }
  return made;
}

export function writePrivateOf(id: string): typeof writePrivate {
  const origin = originById(id);
  return (file, text) => {
    if (!holds(origin.powers, 'files')) throw forbidden(origin, 'writePrivate', 'files');
    writePrivate(file, text);
  };
}

export function forbidden(origin: Origin, what: string, power: string): StatusError {
  return new StatusError('Forbidden', refusal(origin, what, power));
}
