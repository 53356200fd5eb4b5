import { type ExecOptions, type ExecResult, type ExecSession, StatusError } from 'orlop/plugin';
import type { WasmContainer } from './container.ts';
import { session } from './session.ts';

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
  worker.attach((stream, bytes) => void output[stream].push(bytes));
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

/** As `execToEnd`, with its streams live. Who leaves ends it. */
export async function execSession(container: WasmContainer, options: ExecOptions): Promise<ExecSession> {
  requireCommand(container);
  const { worker, spec } = await container.another(options.command, options.stdin);
  const opened = session(worker, {
    tty: options.tty,
    stdin: options.stdin,
    inputEnded: () => void worker.input(null),
    leave: () => worker.kill(137, 'the session was closed'),
  });
  await worker.start(spec);
  return opened;
}
