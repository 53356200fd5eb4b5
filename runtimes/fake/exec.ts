import { readFile } from 'node:fs/promises';
import { posix } from 'node:path';
import type { ContainerConfig, ExecResult } from 'orlop/plugin';
import type { Behaviour } from './behaviour.ts';

/** The few commands a fake container knows: `true`, `false`, `echo`, `env`, `cat FILE` (in its mounts). Others do as its behaviour says. */
export async function exec(
  command: readonly string[],
  config: ContainerConfig,
  behaviour: Behaviour,
): Promise<ExecResult> {
  const [program, ...args] = command;
  switch (program) {
    case 'true':
      return result(0);
    case 'false':
      return result(1);
    case 'echo':
      return result(0, `${args.join(' ')}\n`);
    case 'env':
      return result(0, config.env.map(({ name, value }) => `${name}=${value}\n`).join(''));
    case 'cat':
      return cat(args[0] ?? '', config);
    default: {
      const { execExitCode, execOutput } = behaviour;
      const stderr = execExitCode === 127 ? `${program}: not found\n` : '';
      return result(execExitCode, execOutput, stderr);
    }
  }
}

async function cat(path: string, config: ContainerConfig): Promise<ExecResult> {
  const file = posix.normalize(path);
  for (const { containerPath, hostPath } of config.mounts) {
    const inside = posix.relative(containerPath, file);
    if (inside.startsWith('..')) continue;
    try {
      return result(0, await readFile(posix.join(hostPath, inside)));
    } catch (error) {
      return result(1, '', `cat: ${path}: ${(error as NodeJS.ErrnoException).code}\n`);
    }
  }
  return result(1, '', `cat: ${path}: in no volume\n`);
}

function result(exitCode: number, stdout: string | Uint8Array = '', stderr = ''): ExecResult {
  return { exitCode, stdout: Buffer.from(stdout as string), stderr: Buffer.from(stderr) };
}
