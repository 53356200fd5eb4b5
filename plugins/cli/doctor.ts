import { spawnSync } from 'node:child_process';
import { accessSync, constants, existsSync } from 'node:fs';
import { createServer } from 'node:net';
import { dirname } from 'node:path';
import type { Command } from './command.ts';
import { lookForServer } from './nats/binary.ts';
import { cacheDir, dataDir } from './paths.ts';

type Verdict = { state: 'ok' | 'note' | 'bad'; text: string };

/** Each check: what it looks at, and what it found. A `note` costs a feature; a `bad` keeps `orlop up` from starting. */
const CHECKS: readonly { name: string; check(data: string): Promise<Verdict> | Verdict }[] = [
  { name: 'node', check: node },
  { name: 'nats-server', check: natsServer },
  { name: 'data folder', check: folder },
  { name: 'API port', check: () => port(6443, '--api-port') },
  { name: 'NATS port', check: () => port(4222, '--nats-listen HOST:PORT, which alone needs it') },
  { name: 'HTTP port', check: () => port(8080, '--http-port') },
  { name: 'HTTPS port', check: () => port(8443, '--https-port') },
  { name: 'Docker', check: docker },
  { name: 'network', check: network },
];

export const doctor: Command = {
  name: 'doctor',
  summary: 'check what this machine offers and what is missing',
  description:
    'Exit code 0: `orlop up` can start (notes cost a feature each); 1: something must be mended first.',
  options: { data: { type: 'string', value: 'DIR', help: "the cluster's data folder" } },
  async run(values) {
    const data = dataDir(values['data']);
    let code = 0;
    for (const { name, check } of CHECKS) {
      const { state, text } = await check(data);
      if (state === 'bad') code = 1;
      console.log(`${state.padEnd(5)} ${name.padEnd(12)} ${text}`);
    }
    return code;
  },
};

function node(): Verdict {
  const major = Number(process.versions.node.split('.')[0]);
  if (major >= 20) return { state: 'ok', text: process.versions.node };
  return { state: 'bad', text: `${process.versions.node} is too old: install Node 20 or newer` };
}

async function natsServer(): Promise<Verdict> {
  try {
    const { found } = await lookForServer(cacheDir());
    if (found) return { state: 'ok', text: `${found.version} at ${found.path}` };
    return { state: 'note', text: 'none yet; `orlop up` fetches one (through apt, or brew on macOS)' };
  } catch (error) {
    return { state: 'bad', text: (error as Error).message };
  }
}

function folder(data: string): Verdict {
  let existing = data;
  while (!existsSync(existing)) existing = dirname(existing);
  try {
    accessSync(existing, constants.W_OK);
    return { state: 'ok', text: existing === data ? data : `${data} (will be made)` };
  } catch {
    return { state: 'bad', text: `${existing} is not writable: choose another folder with --data` };
  }
}

function port(number: number, flag: string): Promise<Verdict> {
  return new Promise((resolve) => {
    const server = createServer();
    server.once('error', () => {
      resolve({
        state: 'note',
        text: `${number} is in use, perhaps by a running cluster; choose another with ${flag}`,
      });
    });
    server.listen(number, () => {
      server.close(() => resolve({ state: 'ok', text: `${number} is free` }));
    });
  });
}

async function docker(): Promise<Verdict> {
  const { dockerVersion } = await import('./engine.ts');
  const version = await dockerVersion();
  if (version) return { state: 'ok', text: `engine ${version}` };
  return {
    state: 'note',
    text: 'no engine answers: only WASM pods will run. Install docker.io and start dockerd',
  };
}

function network(): Verdict {
  if (process.platform === 'linux' && process.getuid?.() === 0) {
    if (spawnSync('ip', ['-V']).status === 0) {
      return { state: 'ok', text: 'root: pods and Services get addresses of their own' };
    }
    return { state: 'note', text: 'no `ip` command, so WASM pods get 127.x addresses: install iproute2' };
  }
  return {
    state: 'note',
    text: 'not root on Linux: WASM pods get 127.x addresses, and Services are reached by Ingress and node port',
  };
}
