import { get } from 'node:http';
import { connect } from 'node:net';

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

/** Whether its monitoring port says that JetStream has recovered and serves. */
export async function isHealthy(host: string, port: number): Promise<boolean> {
  return await new Promise((resolve) => {
    const request = get({ host, port, path: '/healthz', timeout: 2000, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode === 200);
    });
    request.once('error', () => resolve(false));
    request.once('timeout', () => request.destroy());
  });
}
