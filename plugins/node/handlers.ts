import { get } from 'node:http';
import { get as getTls } from 'node:https';
import { connect } from 'node:net';
import { setTimeout as delay } from 'node:timers/promises';
import { type Container, KUBERNETES_RELEASE, type Probe, type Runtime } from 'orlop/plugin';

/** What a probe or a lifecycle hook does. */
export type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket'> & { sleep?: { seconds: number } };

/** Where it does it. */
export interface Target {
  runtime: Runtime;
  sandboxId: string;
  containerId: string;
  container: Container;
  podIP: string;
}

export type Outcome = { ok: true } | { ok: false; message: string };

/** Runs a handler for at most `timeout` seconds. Never throws: what goes wrong is the outcome. Messages are kubelet's. */
export async function runHandler(handler: Handler, target: Target, timeout: number): Promise<Outcome> {
  try {
    if (handler.exec) return await execute(handler.exec.command ?? [], target, timeout);
    if (handler.httpGet) return await httpGet(handler.httpGet, target, timeout);
    if (handler.tcpSocket) return await tcpSocket(handler.tcpSocket, target, timeout);
    if (handler.sleep) {
      await delay(Math.min(handler.sleep.seconds, timeout) * 1000);
      return { ok: true };
    }
    return { ok: false, message: 'no supported handler: use exec, httpGet or tcpSocket' };
  } catch (error) {
    return { ok: false, message: error instanceof Error ? error.message : String(error) };
  }
}

async function execute(command: readonly string[], target: Target, timeout: number): Promise<Outcome> {
  const result = await target.runtime.execSync(target.containerId, command, timeout);
  if (result.exitCode === 0) return { ok: true };
  const output = Buffer.concat([result.stdout, result.stderr]).toString().slice(0, 1024);
  return { ok: false, message: output || `command "${command.join(' ')}" exited with ${result.exitCode}` };
}

type HttpGet = NonNullable<Handler['httpGet']>;

async function httpGet(action: HttpGet, target: Target, timeout: number): Promise<Outcome> {
  const port = portNumber(action.port, target.container);
  const path = action.path?.startsWith('/') ? action.path : `/${action.path ?? ''}`;
  const headers = (action.httpHeaders ?? []).map(({ name, value }): [string, string] => [name, value]);
  const { runtime, sandboxId } = target;
  const status =
    runtime.httpGet && !action.host && action.scheme !== 'HTTPS'
      ? await runtime.httpGet(sandboxId, { port, path, headers, timeout })
      : await request(action, action.host ?? target.podIP, port, path, headers, timeout * 1000);
  if (status >= 200 && status < 400) return { ok: true };
  return { ok: false, message: `HTTP probe failed with statuscode: ${status}` };
}

function request(
  { scheme }: HttpGet,
  host: string,
  port: number,
  path: string,
  headers: [string, string][],
  timeout: number,
): Promise<number> {
  return new Promise((resolve, reject) => {
    const options = {
      host,
      port,
      path,
      headers: {
        'User-Agent': `kube-probe/${KUBERNETES_RELEASE.replace(/\.\d+$/, '')}`,
        Accept: '*/*',
        Connection: 'close',
        ...Object.fromEntries(headers),
      },
      agent: false as const,
      signal: AbortSignal.timeout(timeout),
    };
    const answered = (response: { statusCode?: number; destroy(): void }): void => {
      resolve(response.statusCode ?? 0);
      response.destroy();
    };
    const sent =
      scheme === 'HTTPS'
        ? getTls({ ...options, rejectUnauthorized: false }, answered)
        : get(options, answered);
    sent.on('error', (error) => {
      const why = error.name === 'AbortError' ? `no answer within ${timeout} ms` : error.message;
      reject(new Error(`Get "${(scheme ?? 'HTTP').toLowerCase()}://${host}:${port}${path}": ${why}`));
    });
  });
}

async function tcpSocket(
  action: NonNullable<Handler['tcpSocket']>,
  target: Target,
  timeout: number,
): Promise<Outcome> {
  const port = portNumber(action.port, target.container);
  const host = action.host ?? target.podIP;
  return new Promise((resolve) => {
    const socket = connect({ host, port, timeout: timeout * 1000 });
    const end = (outcome: Outcome): void => {
      socket.destroy();
      resolve(outcome);
    };
    socket.once('connect', () => end({ ok: true }));
    socket.once('timeout', () => end({ ok: false, message: `dial tcp ${host}:${port}: i/o timeout` }));
    socket.once('error', (error) =>
      end({ ok: false, message: `dial tcp ${host}:${port}: ${error.message}` }),
    );
  });
}

/** A port's number, or the name of one of the container's. */
function portNumber(port: number | string, container: Container): number {
  const number = Number(port);
  if (Number.isInteger(number)) return number;
  const named = container.ports?.find(({ name }) => name === port);
  if (!named) throw new Error(`container "${container.name}" has no port named "${port}"`);
  return named.containerPort;
}
