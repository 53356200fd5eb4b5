import { spawnSync } from 'node:child_process';
import { randomBytes } from 'node:crypto';
import { linkSync, mkdirSync, readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { StatusError, writePrivate } from 'orlop/plugin';
import type { DataDir } from '../../kernel/kernel.ts';

interface Lock {
  pid: number;
  /** When that process started, in whatever form this system tells it: tells it from a later one with the same pid. */
  started: string;
}

/**
 * Takes the folder, making it if need be. Beside what the kernel keeps there is in it `lock`, who uses the folder, and `kernel-id`, the host's
 * name and five random characters. Throws `Conflict` while another live process uses it; a dead one's lock is taken over.
 */
export function openDataDir(path: string): DataDir {
  try {
    mkdirSync(path, { recursive: true, mode: 0o700 });
    const mine: Lock = { pid: process.pid, started: startOf(process.pid) ?? '' };
    takeLock(path, mine);
    return {
      path,
      kernelId: kernelId(path),
      release: () => rmSync(join(path, 'lock'), { force: true }),
    };
  } catch (error) {
    if (error instanceof StatusError) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    const reason = code === 'EACCES' || code === 'EROFS' ? 'Forbidden' : 'InternalError';
    const text = `cannot use the data folder ${path}: ${message}; choose another with --data`;
    throw new StatusError(reason, text, {}, { cause: error });
  }
}

const ATTEMPTS = 10;
const ATTEMPT_MS = 50;

function takeLock(path: string, mine: Lock): void {
  const file = join(path, 'lock');
  const draft = join(path, `lock.${process.pid}.${randomBytes(4).toString('hex')}`);
  writeFileSync(draft, JSON.stringify(mine), { mode: 0o600 });
  try {
    for (let attempt = 1; attempt <= ATTEMPTS; attempt++) {
      if (linkUnlessTaken(draft, file)) return;
      const holder = readLock(file);
      if (!holder || startOf(holder.pid) !== holder.started) {
        removeStale(file, holder);
        continue;
      }
      if (attempt === ATTEMPTS || holder.pid === process.pid) throw inUse(path, holder);
      // One that was killed a moment ago may take another to be gone.
      Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 0, ATTEMPT_MS);
    }
    const text = `several processes try to use the data folder ${path} at once; start one`;
    throw new StatusError('Conflict', text);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** `link` makes the lock with its contents, or fails when there is one: no other process ever reads half of it. */
function linkUnlessTaken(draft: string, file: string): boolean {
  try {
    linkSync(draft, file);
    return true;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EEXIST') return false;
    throw error;
  }
}

/** Two processes may both find the lock stale: the second must not remove what the first has put in its place. */
function removeStale(file: string, stale: Lock | undefined): void {
  const aside = `${file}.stale.${process.pid}`;
  try {
    renameSync(file, aside);
    const moved = readLock(aside);
    if (JSON.stringify(moved) !== JSON.stringify(stale)) linkUnlessTaken(aside, file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  } finally {
    rmSync(aside, { force: true });
  }
}

function readLock(file: string): Lock | undefined {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Lock;
  } catch {
    // Gone meanwhile, or damaged by a power cut: nobody's.
    return undefined;
  }
}

function inUse(path: string, { pid }: Lock): StatusError {
  const whose = pid === process.pid ? 'this process' : `process ${pid}`;
  const hint = pid === process.pid ? 'stop that kernel first' : `stop it (kill ${pid})`;
  const text = `the data folder ${path} is in use by ${whose}: ${hint}, or choose another folder with --data`;
  return new StatusError('Conflict', text);
}

/** When a live process started, or `undefined` when there is none with that pid. */
function startOf(pid: number): string | undefined {
  try {
    const boot = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim();
    const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
    // After the command's name, which may hold anything: state is field 3, starttime field 22 (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    return fields[0] === 'Z' ? undefined : `${boot} ${fields[19]}`;
  } catch {
    if (process.platform === 'linux') return undefined;
    const { stdout } = spawnSync('ps', ['-o', 'lstart=', '-p', String(pid)], { encoding: 'utf8' });
    return stdout?.trim() || undefined;
  }
}

function kernelId(path: string): string {
  const file = join(path, 'kernel-id');
  try {
    const id = readFileSync(file, 'utf8').trim();
    if (id !== '') return id;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
  }
  const host = hostname()
    .toLowerCase()
    .split('.')[0]!
    .replaceAll(/[^a-z0-9]+/g, '-');
  const id = `${host.slice(0, 50).replaceAll(/^-+|-+$/g, '') || 'kernel'}-${randomBytes(3).toString('hex').slice(0, 5)}`;
  writePrivate(file, `${id}\n`);
  return id;
}
