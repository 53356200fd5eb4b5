import { once } from 'node:events';
import { get } from 'node:http';
import { connect, createServer } from 'node:net';
import { text } from 'node:stream/consumers';

/** Whether a NATS server greets on the port with its INFO line. */
export async function greets(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const socket = connect({ host, port, timeout: 2000 });
    const end = (answer: boolean): void => {
      socket.destroy();
      resolve(answer);
    };
    socket.once('data', (data) => end(data.toString('latin1').startsWith('INFO')));
    socket.once('error', () => end(false));
    socket.once('close', () => end(false));
    socket.once('timeout', () => end(false));
  });
}

/** What its monitoring port says is wrong; `undefined` when JetStream has recovered and serves. */
export async function ailment(host: string, port: number): Promise<string | undefined> {
  return await new Promise((resolve) => {
    const request = get({ host, port, path: '/healthz', timeout: 2000, agent: false }, (response) => {
      text(response).then(
        (said) => resolve(response.statusCode === 200 ? undefined : said),
        (error: Error) => resolve(error.message),
      );
    });
    request.once('error', (error) => resolve(error.message));
    request.once('timeout', () => request.destroy());
  });
}

/** Free ports, found together so that they differ. */
export async function freePorts(host: string, count: number): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(0, host);
      await once(server, 'listening');
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
