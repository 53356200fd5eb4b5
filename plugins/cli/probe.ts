import { get } from 'node:http';
import { setTimeout as sleep } from 'node:timers/promises';

/** Whether the ingress on this machine answers 200 for a host name within `ms` milliseconds. */
export async function answers(port: number, host: string, ms: number, signal: AbortSignal): Promise<boolean> {
  const deadline = Date.now() + ms;
  while (Date.now() < deadline && !signal.aborted) {
    if ((await statusOf(port, host)) === 200) return true;
    await sleep(20);
  }
  return false;
}

function statusOf(port: number, host: string): Promise<number | undefined> {
  return new Promise((resolve) => {
    const request = get({ host: '127.0.0.1', port, headers: { host: `${host}:${port}` }, timeout: 1_000 });
    request.once('timeout', () => request.destroy());
    request.once('error', () => resolve(undefined));
    request.once('response', (response) => {
      response.resume();
      resolve(response.statusCode);
    });
  });
}
