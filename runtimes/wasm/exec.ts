import { Duplex, PassThrough } from 'node:stream';
import { type ExecOptions, type ExecResult, type ExecSession, StatusError } from 'orlop/plugin';
import type { WasmContainer } from './container.ts';

function requireCommand(container: WasmContainer): void {
  if (!container.running) {
    throw new StatusError('BadRequest', `container "${container.config.container.name}" is not running`);
  }
  if (container.isCommand) return;
  throw new StatusError(
    'BadRequest',
    `cannot exec in container "${container.config.container.name}": it is a WebAssembly component that exports no wasi:cli/run, and has no other programs`,
  );
}

/** Runs a fresh instance of the container's command component: same environment and volumes, `command` as its arguments. */
export async function execToEnd(
  container: WasmContainer,
  command: readonly string[],
  timeout: number,
): Promise<ExecResult> {
  requireCommand(container);
  const output = { stdout: [] as Uint8Array[], stderr: [] as Uint8Array[] };
  const { worker, spec } = await container.another(command, false);
  worker.onOutput = (stream, bytes) => output[stream].push(bytes);
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    worker.kill(137, 'timeout');
  }, timeout * 1000);
  try {
    await worker.start(spec);
    const { exitCode } = await worker.ended;
    if (late) throw new StatusError('Timeout', `command "${command.join(' ')}" timed out after ${timeout} s`);
    return { exitCode, stdout: Buffer.concat(output.stdout), stderr: Buffer.concat(output.stderr) };
  } finally {
    clearTimeout(timer);
  }
}

/** As `execToEnd`, with its streams live. There are no terminals: with `tty`, stderr goes where stdout goes. */
export async function execSession(container: WasmContainer, options: ExecOptions): Promise<ExecSession> {
  requireCommand(container);
  const { worker, spec } = await container.another(options.command, options.stdin);
  const stderr = options.tty ? undefined : new PassThrough();
  const stdio = new Duplex({
    read() {},
    write(chunk: Buffer, _encoding, done) {
      worker.input(chunk);
      done();
    },
    final(done) {
      worker.input(null);
      done();
    },
    destroy(error, done) {
      worker.kill(137, 'the session was closed');
      done(error);
    },
  });
  worker.onOutput = (stream, bytes) => {
    if (stream === 'stderr' && stderr !== undefined) stderr.write(bytes);
    else stdio.push(bytes);
  };
  const exitCode = worker.ended.then((exit) => {
    stdio.push(null);
    stderr?.end();
    return exit.exitCode;
  });
  await worker.start(spec);
  return { stdio, stderr, exitCode, resize: async () => {} };
}
