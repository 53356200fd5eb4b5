import { readFile } from 'node:fs/promises';
import type { Duplex } from 'node:stream';
import { type ExecOptions, type ExecResult, type ExecSession, StatusError } from 'orlop/plugin';
import type { Engine } from './engine.ts';
import { frames } from './frames.ts';
import { session } from './session.ts';

const EXIT_CODE_POLL_MS = 20;

interface Started {
  exec: ReturnType<Engine['getExec']>;
  socket: Duplex;
}

async function begin(engine: Engine, id: string, options: ExecOptions): Promise<Started> {
  const exec = await engine.getContainer(id).exec({
    Cmd: [...options.command],
    AttachStdin: options.stdin,
    AttachStdout: true,
    AttachStderr: !options.tty,
    Tty: options.tty,
  });
  return { exec, socket: await exec.start({ hijack: true, stdin: options.stdin, Tty: options.tty }) };
}

/** The engine may close the stream shortly before it knows the exit code. */
async function exitCode({ exec }: Started): Promise<number> {
  for (;;) {
    const info = await exec.inspect();
    if (!info.Running && info.ExitCode !== null) return info.ExitCode;
    await new Promise((resolve) => setTimeout(resolve, EXIT_CODE_POLL_MS));
  }
}

export async function exec(engine: Engine, id: string, options: ExecOptions): Promise<ExecSession> {
  const started = await begin(engine, id, options);
  return session(started.socket, {
    tty: options.tty,
    inputEnds: true,
    ended: () => exitCode(started),
    leave: () => killLeft(id, started),
    resize: (width, height) => started.exec.resize({ w: width, h: height }),
  });
}

/** Runs a command to its end. Throws `Timeout` after `timeout` seconds (0: never), and kills the command where it can. */
export async function execSync(
  engine: Engine,
  id: string,
  command: readonly string[],
  timeout: number,
): Promise<ExecResult> {
  const started = await begin(engine, id, { command, tty: false, stdin: false });
  const out: Record<'stdout' | 'stderr', Buffer[]> = { stdout: [], stderr: [] };
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    started.socket.destroy();
  }, timeout * 1000);
  if (timeout <= 0) clearTimeout(timer);
  try {
    for await (const frame of frames(started.socket, false)) out[frame.stream].push(frame.data);
  } catch (error) {
    if (!late) throw error;
  } finally {
    clearTimeout(timer);
  }
  if (late) {
    await kill(id, (await started.exec.inspect()).Pid);
    throw new StatusError('Timeout', `command "${command.join(' ')}" timed out after ${timeout} s`);
  }
  return {
    exitCode: await exitCode(started),
    stdout: Buffer.concat(out.stdout),
    stderr: Buffer.concat(out.stderr),
  };
}

/** Ends the command of a session that was left. */
async function killLeft(containerId: string, { exec }: Started): Promise<void> {
  const { Running, Pid } = await exec.inspect();
  if (Running) await kill(containerId, Pid);
}

/** The engine has no call to end an exec. Its pid is the host's; kills it only if it is in this container's cgroup. */
async function kill(containerId: string, pid: number): Promise<void> {
  if (!(pid > 1)) return;
  try {
    const cgroups = await readFile(`/proc/${pid}/cgroup`, 'utf8');
    if (cgroups.includes(containerId)) process.kill(pid, 'SIGKILL');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code !== 'ENOENT' && code !== 'ESRCH' && code !== 'EPERM') throw error;
  }
}
