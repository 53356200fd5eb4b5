import type { Socket } from 'node:net';
import type { Endpoint, LoadBalancer, Pick } from 'orlop/plugin';
import { Downstream, type Scheme, type Surroundings } from './downstream.ts';
import { Pool } from './pool.ts';
import { type Backend, Routes } from './routes.ts';

const SWEEP_MS = 500;

/** The HTTP proxy: sockets in, requests out to the endpoints that the load balancer chooses by these routes. */
export class HttpProxy implements Surroundings {
  routes = new Routes();
  fate: 'kept' | 'passed on' | 'ended' = 'kept';
  readonly pool: Pool;
  readonly #balancer: LoadBalancer;
  readonly #downstreams = new Set<Downstream>();
  readonly #sweeper: NodeJS.Timeout;
  #now = Date.now();
  #passOn: ((socket: Socket, scheme: Scheme) => boolean) | undefined;

  constructor(balancer: LoadBalancer) {
    this.#balancer = balancer;
    this.pool = new Pool(() => this.#now);
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Takes a client's connection. */
  serve(socket: Socket, scheme: Scheme): void {
    this.#downstreams.add(new Downstream(this, socket, scheme));
  }

  /**
   * Ends idle connections, or passes them on; busy ones follow after their response. Their sockets belong to the host. `passOn`: gives a
   * connection to the successor; false when there is none any more.
   */
  stop(passOn?: (socket: Socket, scheme: Scheme) => boolean): void {
    this.#passOn = passOn;
    this.fate = passOn ? 'passed on' : 'ended';
    for (const downstream of [...this.#downstreams]) downstream.finish();
    this.#endIfEmpty();
  }

  passOn(socket: Socket, scheme: Scheme): void {
    if (this.#passOn?.(socket, scheme)) return;
    socket.on('error', () => {});
    socket.end();
    socket.resume();
  }

  #endIfEmpty(): void {
    if (this.fate === 'kept' || this.#downstreams.size > 0) return;
    this.pool.close();
    clearInterval(this.#sweeper);
  }

  route(host: string, path: string): Backend | undefined {
    return this.routes.find(host, path);
  }

  pick({ namespace, service, port }: Backend, not: readonly Endpoint[]): Pick | undefined {
    return this.#balancer.pick(namespace, service, port, not);
  }

  now(): number {
    return this.#now;
  }

  closed(downstream: Downstream): void {
    this.#downstreams.delete(downstream);
    this.#endIfEmpty();
  }

  #sweep(): void {
    this.#now = Date.now();
    this.pool.sweep();
    for (const downstream of [...this.#downstreams]) {
      if (downstream.deadline <= this.#now) downstream.expire();
    }
  }
}
