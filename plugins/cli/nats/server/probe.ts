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
    for (const event of ['error', 'close', 'timeout']) socket.once(event, () => end(false));
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

/** Free ports, found together so that they differ; of one, `port` if that is free. Rejects when it is not, or the host another one. */
export async function freePorts(host: string, count: number, port = 0): Promise<number[]> {
  const servers = Array.from({ length: count }, () => createServer());
  const ports = await Promise.all(
    servers.map(async (server) => {
      server.listen(port, host);
      await once(server, 'listening');
      return (server.address() as { port: number }).port;
    }),
  );
  await Promise.all(servers.map((server) => new Promise((resolve) => server.close(resolve))));
  return ports;
}
