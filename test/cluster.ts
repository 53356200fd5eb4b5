import { mkdtempSync, rmSync } from 'node:fs';
import { homedir, tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { type Kernel, type KernelOptions, startKernel } from '../kernel/kernel.ts';
import { lineLogger } from '../kernel/log.ts';
import { openDataDir } from '../plugins/cli/datadir.ts';
import { follow } from '../plugins/cli/desired.ts';
import { findServer } from '../plugins/cli/nats/binary.ts';
import { natsBy } from '../plugins/cli/nats/server/index.ts';
import { loaders } from '../plugins/standard.ts';

export interface TestKernelOptions extends Partial<Omit<KernelOptions, 'dataDir'>> {
  dataDir?: string;
  /** Several kernels of one cluster: the first one's NATS. */
  join?: TestKernel;
}

export interface TestKernel extends Kernel {
  readonly dataDir: string;
  readonly cacheDir: string;
  readonly natsUrl: string;
  /** Stops this kernel and starts another on the same data folder; `changes` replace the options it was started with. */
  restart(changes?: TestKernelOptions): Promise<TestKernel>;
  /** Kills the embedded nats-server as a crash would (SIGKILL); its supervisor starts it again. */
  killNats(): void;
}

/** Where a fetched nats-server is kept between test files and runs. */
export const CACHE_DIR =
  process.env['ORLOP_TEST_CACHE'] ??
  join(process.env['XDG_CACHE_HOME'] ?? join(homedir(), '.cache'), 'orlop');

/**
 * A real kernel in a temporary folder, with an embedded nats-server. Stopped and removed at the test's teardown; what it logged is shown when
 * the test has failed.
 */
export async function testKernel(t: Test, options: TestKernelOptions = {}): Promise<TestKernel> {
  const { join: other, ...given } = options;
  const dataDir = given.dataDir ?? mkdtempSync(join(tmpdir(), 'orlop-test-'));
  const lines: string[] = [];
  const o = {
    cacheDir: CACHE_DIR,
    plugins: [],
    loaders,
    follow,
    log: lineLogger((line) => lines.push(line), 'debug'),
    nats: natsBy(
      other ? { url: other.natsUrl } : { binary: await findServer(CACHE_DIR, (text) => t.comment(text)) },
    ),
    ...given,
    dataDir,
  };
  let kernel: Kernel | undefined;
  t.teardown(async () => {
    await kernel?.stop();
    if (given.dataDir === undefined) rmSync(dataDir, { recursive: true, force: true });
    if (!t.passing()) t.comment(lines.slice(-200).join('\n'));
  });
  kernel = await startKernel({ ...o, dataDir: openDataDir(dataDir) });
  return dress(t, kernel, o);
}

function dress(
  t: Test,
  kernel: Kernel,
  o: TestKernelOptions & { dataDir: string; cacheDir: string },
): TestKernel {
  return Object.assign(Object.create(kernel) as Kernel, {
    dataDir: o.dataDir,
    cacheDir: o.cacheDir,
    get natsUrl() {
      const { servers, user, pass } = kernel.nats.connection;
      return user === undefined ? servers[0]! : servers[0]!.replace('://', `://${user}:${pass}@`);
    },
    async restart(changes: TestKernelOptions = {}) {
      await kernel.stop();
      return await testKernel(t, { ...o, ...changes });
    },
    killNats() {
      process.kill(kernel.nats.pid!, 'SIGKILL');
    },
  });
}

/** Waits until `condition` returns something true, and returns that; fails after `ms`. */
export async function eventually<T>(
  what: string,
  condition: () => T | Promise<T>,
  ms = 30_000,
): Promise<NonNullable<T>> {
  const deadline = performance.now() + ms;
  for (;;) {
    const result = await condition();
    if (result) return result;
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
