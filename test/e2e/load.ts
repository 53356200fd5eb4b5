/** A steady load of GET requests, to see that none fails while something changes underneath. */
import { Agent, get } from 'node:http';

export interface Load {
  /** Stops, and says what happened: how many answers of each kind. */
  stop(): Promise<Report>;
}

export interface Report {
  ok: number;
  /** Each failure: a status or an error's text. */
  failures: string[];
}

export interface Target {
  /** Default 127.0.0.1. */
  address?: string;
  port: number;
  path: string;
  host: string;
}

/** `connections` keep-alive clients, each with one request at a time. */
export function load(target: Target, connections = 8): Load {
  const agent = new Agent({ keepAlive: true, maxSockets: connections });
  const report: Report = { ok: 0, failures: [] };
  let stopping = false;

  const client = async (): Promise<void> => {
    while (!stopping) {
      const outcome = await request(agent, target);
      if (outcome === '200') report.ok += 1;
      else report.failures.push(outcome);
    }
  };
  const clients = Array.from({ length: connections }, client);
  return {
    async stop() {
      stopping = true;
      await Promise.all(clients);
      agent.destroy();
      return report;
    },
  };
}

function request(agent: Agent, { address = '127.0.0.1', port, path, host }: Target): Promise<string> {
  return new Promise((resolve) => {
    const outgoing = get({ agent, host: address, port, path, headers: { host }, timeout: 30_000 });
    outgoing.once('timeout', () => outgoing.destroy(new Error('no answer within 30 s')));
    outgoing.once('error', (error) => resolve(error.message));
    outgoing.once('response', (response) => {
      response.once('error', (error) => resolve(error.message));
      response.once('end', () => resolve(String(response.statusCode)));
      response.resume();
    });
  });
}
