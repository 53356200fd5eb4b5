import { Agent } from 'node:http';
import Docker from 'dockerode';
import { asStatusError, StatusError, type StatusReason } from 'orlop/plugin';

export type Engine = Docker;

const DEFAULT_SOCKET = 'unix:///var/run/docker.sock';

/** Where the engine is: what is configured, else `DOCKER_HOST`, else the default socket. */
export function engineAddress(configured = ''): string {
  return configured || process.env['DOCKER_HOST'] || DEFAULT_SOCKET;
}

/** A client of the engine. Connects per request, so that it survives the engine's restart. Throws `BadRequest`. */
export function openEngine(address: string): Engine {
  if (address.startsWith('unix://')) {
    const options = { socketPath: address.slice('unix://'.length), agent: new Agent({ keepAlive: false }) };
    return new Docker(options);
  }
  let url: URL;
  try {
    url = new URL(address);
  } catch {
    throw new StatusError(
      'BadRequest',
      `"${address}" names no Docker engine: use unix:///path or tcp://host:port`,
    );
  }
  return new Docker({ host: url.hostname, port: url.port || 2375, protocol: 'http' });
}

/** The HTTP status of a refusal by the engine; `undefined` when it did not answer. */
export function statusOf(error: unknown): number | undefined {
  return (error as { statusCode?: number }).statusCode;
}

const REASONS: Record<number, StatusReason> = {
  400: 'BadRequest',
  403: 'Forbidden',
  404: 'NotFound',
  409: 'Conflict',
};

/** What docker-modem puts before what the engine said. */
const PREFIX = /^\(HTTP code \d+\) .*? - /;

/** What the engine said, or that it did not answer, as a `StatusError`. */
export function engineError(error: unknown, address: string): StatusError {
  if (error instanceof StatusError) return error;
  const { code, json, message } = error as { code?: string; json?: { message?: string }; message: string };
  const status = statusOf(error);
  if (status !== undefined) {
    return new StatusError(
      REASONS[status] ?? 'InternalError',
      json?.message ?? message.replace(PREFIX, '').trim(),
      {},
      { cause: error },
    );
  }
  if (code === undefined) return asStatusError(error);
  const hint =
    code === 'EACCES'
      ? 'this user may not use it: join the group "docker" or run as root'
      : 'start it, e.g. `systemctl start docker` (Debian: apt-get install docker.io)';
  return new StatusError(
    'ServiceUnavailable',
    `the Docker engine at ${address} does not answer (${code}): ${hint}`,
    {},
    { cause: error },
  );
}

/** Awaits a call and takes "not found" as `undefined`. */
export async function found<T>(call: Promise<T>): Promise<T | undefined> {
  try {
    return await call;
  } catch (error) {
    if (statusOf(error) === 404) return undefined;
    throw error;
  }
}

/** Awaits a call whose refusal with one of these statuses means that it was already so. */
export async function already(call: Promise<unknown>, ...statuses: number[]): Promise<void> {
  try {
    await call;
  } catch (error) {
    if (!statuses.includes(statusOf(error) ?? 0)) throw error;
  }
}

/** Waits for the end of a pull or import. Throws what its stream of progress messages says went wrong. */
export function completed(engine: Engine, progress: NodeJS.ReadableStream): Promise<void> {
  return new Promise((resolve, reject) => {
    engine.modem.followProgress(progress, (error: Error | null, messages: { error?: string }[] = []) => {
      const refusal = messages.find((message) => message.error !== undefined)?.error;
      if (error) reject(error);
      else if (refusal !== undefined) reject(new StatusError('InternalError', refusal));
      else resolve();
    });
  });
}
