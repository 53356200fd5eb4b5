import { InputStream, OutputStream, Pollable } from './io.ts';

/** Thrown through the guest by `wasi:cli/exit`: the guest ends here. */
export class Exit extends Error {
  override readonly name = 'Exit';
  readonly code: number;

  constructor(code: number) {
    super(`exit ${code}`);
    this.code = code;
  }
}

/** A resource type that no call of this host ever hands out. */
class Unavailable {}

export interface CliContext {
  env: readonly (readonly [string, string])[];
  /** With the program's name first. */
  args: readonly string[];
  stdin: InputStream | undefined;
  write(stream: 'stdout' | 'stderr', bytes: Uint8Array): void;
}

/** wasi:cli of one instance. WASI 0.2's `exit` knows ok and error only: exit codes 0 and 1. */
export function cli(context: CliContext): Record<string, object> {
  const stdout = new OutputStream((bytes) => context.write('stdout', bytes));
  const stderr = new OutputStream((bytes) => context.write('stderr', bytes));
  const stdin = context.stdin ?? InputStream.of(new Uint8Array());
  return {
    'wasi:cli/environment': {
      getEnvironment: () => context.env,
      getArguments: () => context.args,
      initialCwd: () => undefined,
    },
    'wasi:cli/exit': {
      exit(status: { tag: 'ok' | 'err' }): never {
        throw new Exit(status.tag === 'ok' ? 0 : 1);
      },
      exitWithCode(code: number): never {
        throw new Exit(code);
      },
    },
    'wasi:cli/stdin': { getStdin: () => stdin },
    'wasi:cli/stdout': { getStdout: () => stdout },
    'wasi:cli/stderr': { getStderr: () => stderr },
    'wasi:cli/terminal-input': { TerminalInput: Unavailable },
    'wasi:cli/terminal-output': { TerminalOutput: Unavailable },
    'wasi:cli/terminal-stdin': { getTerminalStdin: () => undefined },
    'wasi:cli/terminal-stdout': { getTerminalStdout: () => undefined },
    'wasi:cli/terminal-stderr': { getTerminalStderr: () => undefined },
  };
}

const started = process.hrtime.bigint();

/** wasi:clocks, the same for every instance. */
export const clocks: Record<string, object> = {
  'wasi:clocks/monotonic-clock': {
    resolution: () => 1n,
    now: () => process.hrtime.bigint() - started,
    subscribeInstant: (instant: bigint) => until(instant + started),
    subscribeDuration: (duration: bigint) => until(process.hrtime.bigint() + duration),
  },
  'wasi:clocks/wall-clock': {
    resolution: () => ({ seconds: 0n, nanoseconds: 1_000_000 }),
    now: () => datetime(Date.now()),
  },
};

/** Milliseconds since the epoch as WASI's `datetime`. */
export function datetime(ms: number): { seconds: bigint; nanoseconds: number } {
  const seconds = Math.floor(ms / 1000);
  return { seconds: BigInt(seconds), nanoseconds: Math.floor((ms - seconds * 1000) * 1e6) };
}

function until(at: bigint): Pollable {
  return new Pollable(
    () => process.hrtime.bigint() >= at,
    () => Number(at - process.hrtime.bigint()) / 1e6,
  );
}

const randomBytes = (length: bigint): Uint8Array => {
  const bytes = new Uint8Array(Number(length));
  // getRandomValues fills at most 64 KiB at a time.
  for (let at = 0; at < bytes.length; at += 65_536) crypto.getRandomValues(bytes.subarray(at, at + 65_536));
  return bytes;
};
const randomU64 = (): bigint => crypto.getRandomValues(new BigUint64Array(1))[0]!;

/** wasi:random; the insecure variants are as good as the secure ones. */
export const random: Record<string, object> = {
  'wasi:random/random': { getRandomBytes: randomBytes, getRandomU64: randomU64 },
  'wasi:random/insecure': { getInsecureRandomBytes: randomBytes, getInsecureRandomU64: randomU64 },
  'wasi:random/insecure-seed': { insecureSeed: () => [randomU64(), randomU64()] },
};
