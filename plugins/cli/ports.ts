import { randomInt } from 'node:crypto';
import { once } from 'node:events';
import { createServer } from 'node:net';

/** Above the ports of well-known servers; below those the system gives to whoever asks for any and to outgoing connections (IANA's and Linux's) and node ports. */
const FIRST = 12_000;
const LAST = 29_999;

/** Ports that are free on all addresses, and likely to be so when they are listened on later: nobody is given one of these by chance. */
export async function stablePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = randomInt(FIRST, LAST + 1);
    if (await isFree(port)) found.add(port);
  }
  return [...found];
}

export async function stablePort(): Promise<number> {
  const [port] = await stablePorts(1);
  return port!;
}

async function isFree(port: number): Promise<boolean> {
  const server = createServer();
  const listening = once(server, 'listening').then(
    () => true,
    () => false,
  );
  server.listen(port, '0.0.0.0');
  if (!(await listening)) return false;
  server.close();
  await once(server, 'close');
  return true;
}
