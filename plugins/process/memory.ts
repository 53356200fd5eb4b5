import { readdir, readFile } from 'node:fs/promises';

const INTERVAL_MS = 500;

/** Calls `exceeded`, once, when the processes of a group have more bytes in memory, resident sets summed, than `limit`. Linux: elsewhere never. */
export function limitMemory(group: number, limit: number, exceeded: () => void): { close(): void } {
  let timer: NodeJS.Timeout | undefined;
  let isClosed = false;
  const look = async (): Promise<void> => {
    const bytes = await residentBytes(group);
    if (isClosed) return;
    if (bytes > limit) exceeded();
    else plan();
  };
  const plan = (): void => {
    timer = setTimeout(() => void look(), INTERVAL_MS).unref();
  };
  plan();
  return {
    close() {
      isClosed = true;
      clearTimeout(timer);
    },
  };
}

async function residentBytes(group: number): Promise<number> {
  const names = await readdir('/proc').catch(() => []);
  const sizes = names.filter((name) => /^\d+$/.test(name)).map((pid) => bytesIn(group, pid));
  return (await Promise.all(sizes)).reduce((sum, bytes) => sum + bytes, 0);
}

/** 0 when it is of another group, or ends meanwhile. Source: proc(5). */
async function bytesIn(group: number, pid: string): Promise<number> {
  try {
    const stat = await readFile(`/proc/${pid}/stat`, 'utf8');
    // After the name, which may be anything: state, parent, group.
    const [, , own] = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
    if (Number(own) !== group) return 0;
    const status = await readFile(`/proc/${pid}/status`, 'utf8');
    return Number(/^VmRSS:\s*(\d+) kB$/m.exec(status)?.[1] ?? 0) * 1024;
  } catch {
    return 0;
  }
}
