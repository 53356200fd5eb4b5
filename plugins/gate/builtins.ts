/** Node's own modules, and which host power each of them takes. */
import { hasOwn, holds, indexOf, slice } from './intact.ts';

export type Power = 'net' | 'exec' | 'docker' | 'files';

export const POWERS: readonly Power[] = ['net', 'exec', 'docker', 'files'];

/** Which exports need no power: `open`: these only; `but`: all but these. */
interface Part {
  readonly open?: readonly string[];
  readonly but?: readonly string[];
}

/** Of `process`: guarded where they are looked at, and by no name of the module. */
export const GETTERS = ['report', 'stdin'] as const;

interface Rule {
  /** The powers of which one is needed for what is not open. */
  readonly powers: readonly Power[];
  readonly part: Part;
}

const NET: readonly Power[] = ['net', 'docker'];
const FILES: readonly Power[] = ['files'];
const EXEC: readonly Power[] = ['exec'];

function rule(powers: readonly Power[], part: Part, ...names: string[]): [string, Rule][] {
  return names.map((name) => [name, { powers, part }]);
}

/** By the name's first segment: `fs/promises` is `fs`. What is not listed, in this Node or a later one, needs `exec`. */
const RULES: Readonly<Record<string, Rule>> = Object.fromEntries([
  ...rule(EXEC, { but: [] }, 'assert', 'buffer', 'console', 'constants', 'diagnostics_channel', 'events'),
  ...rule(
    EXEC,
    { but: [] },
    'path',
    'perf_hooks',
    'process',
    'punycode',
    'querystring',
    'readline',
    'stream',
  ),
  ...rule(EXEC, { but: [] }, 'string_decoder', 'sys', 'timers', 'url', 'util', 'zlib'),
  ...rule(EXEC, { but: [] }, '_stream_duplex', '_stream_passthrough', '_stream_readable'),
  ...rule(EXEC, { but: [] }, '_stream_transform', '_stream_wrap', '_stream_writable'),
  // Hands out what belongs to others: their sockets, say.
  ...rule(EXEC, { but: ['createHook', 'executionAsyncResource'] }, 'async_hooks'),
  // Loads a native library.
  ...rule(EXEC, { but: ['setEngine'] }, 'crypto'),
  ...rule(EXEC, { but: ['setPriority'] }, 'os'),

  ...rule(NET, { open: [] }, 'dgram', 'dns', 'quic', '_http_agent', '_http_client', '_http_common'),
  ...rule(NET, { open: [] }, '_http_incoming', '_http_outgoing', '_http_server', '_tls_common', '_tls_wrap'),
  ...rule(NET, { open: ['BlockList', 'SocketAddress', 'isIP', 'isIPv4', 'isIPv6'] }, 'net'),
  ...rule(
    NET,
    { open: ['METHODS', 'STATUS_CODES', 'validateHeaderName', 'validateHeaderValue'] },
    'http',
    'https',
  ),
  ...rule(NET, { open: ['constants', 'sensitiveHeaders'] }, 'http2'),
  ...rule(NET, { open: ['checkServerIdentity', 'getCiphers', 'rootCertificates'] }, 'tls'),

  ...rule(FILES, { open: ['constants'] }, 'fs'),
  ...rule(FILES, { open: ['isatty'] }, 'tty'),
  ...rule(FILES, { open: [] }, 'sqlite'),

  // `createRequire` is another one there: see `runtime.ts`.
  ...rule(EXEC, { open: ['builtinModules', 'createRequire', 'isBuiltin'] }, 'module'),
  ...rule(
    EXEC,
    { open: ['BroadcastChannel', 'MessageChannel', 'MessagePort', 'markAsUntransferable'] },
    'worker_threads',
  ),
  ...rule(
    EXEC,
    {
      open: [
        ...['DefaultDeserializer', 'DefaultSerializer', 'Deserializer', 'Serializer', 'deserialize'],
        ...['getHeapSpaceStatistics', 'getHeapStatistics', 'serialize'],
      ],
    },
    'v8',
  ),
]);

const OTHERS: Rule = { powers: EXEC, part: { open: [] } };

/** A power that is to be asked for to use that export of a module; `undefined`: these powers, or none, will do. */
export function powerFor(builtin: string, name: string, powers: readonly string[] = []): Power | undefined {
  const { powers: needed, part } = ruleFor(builtin);
  const isOpen = hasOwn(part, 'open') ? holds(part.open!, name) : !holds(part.but!, name);
  return isOpen || isOneOf(powers, needed) ? undefined : needed[0];
}

/** Whether one who has these powers is given the module itself. */
export function isOpenTo(powers: readonly string[], builtin: string): boolean {
  // What it exports under names may be from before there were guards; and `createRequire` is one of the plugin's own whatever it may.
  if (builtin === 'process' || builtin === 'module') return false;
  const { powers: needed, part } = ruleFor(builtin);
  return isOneOf(powers, needed) || (hasOwn(part, 'but') && part.but!.length === 0);
}

function ruleFor(builtin: string): Rule {
  const end = indexOf(builtin, '/');
  const name = end < 0 ? builtin : slice(builtin, 0, end);
  return hasOwn(RULES, name) ? RULES[name]! : OTHERS;
}

function isOneOf(powers: readonly string[], needed: readonly string[]): boolean {
  for (let i = 0; i < needed.length; i += 1) if (holds(powers, needed[i])) return true;
  return false;
}
