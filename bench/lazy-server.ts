/** A nats-server that syncs at its leisure, as it does by itself: the yardstick of "not durable", and what fills a store fast. */
import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { NatsConnection } from 'nats';
import { connectTo } from '../kernel/nats/index.ts';
import { freePorts, greets } from '../plugins/cli/nats/server/probe.ts';

export interface LazyServer {
  readonly connection: NatsConnection;
  /** Stops it in order: everything is on disk then. */
  stop(): Promise<void>;
}

/** `store`: its `store_dir`; its configuration lies beside that. */
export async function lazyServer(binary: string, store: string): Promise<LazyServer> {
  const [port] = (await freePorts('127.0.0.1', 1)) as [number];
  const path = join(store, '..', 'lazy.conf');
  writeFileSync(path, `listen: "127.0.0.1:${port}"\njetstream { store_dir: ${JSON.stringify(store)} }\n`);
  const child = spawn(binary, ['-c', path], { stdio: 'ignore' });
  while (!(await greets('127.0.0.1', port))) await new Promise((resolve) => setTimeout(resolve, 20));
  const connection = await connectTo({ servers: [`nats://127.0.0.1:${port}`] }, 'bench');
  return {
    connection,
    stop: async () => {
      await connection.close();
      const exited = once(child, 'exit');
      child.kill('SIGINT');
      await exited;
    },
  };
}
