/** What every module finds without importing it: the powers that are in `process` and among the globals. */
import { StatusError } from 'orlop/plugin';
import type { GETTERS, Power } from './builtins.ts';
import { apply, captureStackTrace, construct, get, holds, isArray, ProxyOf, startsWith } from './intact.ts';
import { type Origin, originOf } from './origins.ts';
import { builtin, forbidden } from './runtime.ts';

const PROCESS: Readonly<Record<string, Power>> = {
  loadEnvFile: 'files',
  ...Object.fromEntries(
    [
      ...['_debugEnd', '_debugProcess', '_getActiveHandles', '_getActiveRequests', '_kill', '_linkedBinding'],
      ...['abort', 'binding', 'chdir', 'dlopen', 'execve', 'exit', 'initgroups', 'kill', 'reallyExit'],
      ...['setegid', 'seteuid', 'setgid', 'setgroups', 'setuid', 'umask'],
    ].map((name) => [name, 'exec' as const]),
  ),
};
const GLOBALS = ['EventSource', 'WebSocket', 'fetch'];
/** Node calls these itself, with nobody on the stack; and it looks at the getters when `node:process` is imported. */
const BY_NODE = ['abort', 'exit', 'reallyExit'];

/** Frames to look at: those of Node itself are passed over. */
const FRAMES = 30;

/**
 * Puts guards before them. Who calls is told by the stack: the code of a plugin needs the power, all other code goes on as ever. Where there is none on the
 * stack, in a timer that was given the function itself, say, it is refused.
 */
export function guardGlobals(): void {
  for (const [name, power] of Object.entries(PROCESS)) {
    const own = Object.getOwnPropertyDescriptor(process, name);
    if (typeof own?.value !== 'function') continue;
    const value = guarded(own.value as Callable, `process.${name}`, power, BY_NODE.includes(name));
    Object.defineProperty(process, name, { ...own, value });
  }
  guardGetBuiltinModule();
  guardGetter('report', 'exec');
  // Its constructor opens files, or sockets.
  guardGetter('stdin', 'files');
  for (const name of GLOBALS) guardGlobal(name);
}

type Callable = (...parameters: unknown[]) => unknown;

function guarded(callable: Callable, what: string, power: Power, isByNode = false): Callable {
  const check = (): void => checkCaller(what, power, isByNode);
  return new ProxyOf(callable, {
    // @ts-expect-error so that no trap is inherited
    __proto__: null,
    apply(target, self, parameters) {
      check();
      return apply(target, self, parameters);
    },
    construct(target, parameters, made) {
      check();
      return construct(target, parameters, made) as object;
    },
  });
}

function guardGetBuiltinModule(): void {
  // Not before Node 20.16.
  const getBuiltinModule = process.getBuiltinModule?.bind(process);
  if (!getBuiltinModule) return;
  process.getBuiltinModule = ((name: string) => {
    const caller = callerOf();
    const module = getBuiltinModule(name) as object | undefined;
    if (module === undefined) return undefined;
    if (typeof caller === 'object') return builtin(caller.id, name.replace(/^node:/, ''));
    if (caller === undefined) refuseUnknown('process.getBuiltinModule');
    return module;
  }) as typeof process.getBuiltinModule;
}

function guardGetter(name: (typeof GETTERS)[number], power: Power): void {
  const own = Object.getOwnPropertyDescriptor(process, name);
  if (!own?.get) return;
  const get = (): unknown => {
    checkCaller(`process.${name}`, power, true);
    return own.get?.call(process) as unknown;
  };
  Object.defineProperty(process, name, { ...own, get });
}

/** Not before it is first looked at: some are loaded then. */
function guardGlobal(name: string): void {
  const own = Object.getOwnPropertyDescriptor(globalThis, name);
  if (!own) return;
  let value: unknown;
  Object.defineProperty(globalThis, name, {
    configurable: true,
    enumerable: own.enumerable ?? false,
    get() {
      value ??= guarded((own.get ? own.get.call(globalThis) : own.value) as Callable, name, 'net');
      return value;
    },
    set(other) {
      value = other;
    },
  });
}

function checkCaller(what: string, power: Power, isByNode: boolean): void {
  const caller = callerOf();
  if (typeof caller === 'object') {
    const { powers } = caller;
    if (!holds(powers, power) && !(power === 'net' && holds(powers, 'docker')))
      throw forbidden(caller, what, power);
  } else if (caller === undefined && !isByNode) refuseUnknown(what);
}

function refuseUnknown(what: string): never {
  throw new StatusError(
    'Forbidden',
    `whose code calls ${what} is not known here: call it from a function of the plugin's own`,
  );
}

/** Whose code the nearest frame is that is not Node's: a plugin's, `other`, or there is none. */
function callerOf(): Origin | 'other' | undefined {
  const frames = framesAbove(callerOf);
  for (let i = 0; i < frames.length; i += 1) {
    // V8 lets nobody replace these.
    const file = frames[i]!.getFileName() ?? frames[i]!.getEvalOrigin();
    if (!file || startsWith(file, 'node:') || file === import.meta.url) continue;
    return originOf(file) ?? 'other';
  }
  return undefined;
}

function framesAbove(below: CallableFunction): readonly NodeJS.CallSite[] {
  const { stackTraceLimit } = Error;
  const prepareStackTrace: unknown = get(Error, 'prepareStackTrace');
  try {
    Error.stackTraceLimit = FRAMES;
    Error.prepareStackTrace = (_error, frames) => frames;
    const at: { stack?: unknown } = {};
    captureStackTrace(at, below);
    // Something else where somebody has made the function above one that cannot be replaced.
    return isArray(at.stack) ? (at.stack as NodeJS.CallSite[]) : [];
  } finally {
    Error.stackTraceLimit = stackTraceLimit;
    Error.prepareStackTrace = prepareStackTrace as typeof Error.prepareStackTrace;
  }
}
