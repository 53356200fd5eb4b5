import type { Socket } from 'node:net';
import type { Endpoint, LoadBalancer, Pick } from 'orlop/plugin';
import { Downstream, type Surroundings } from './downstream.ts';
import { Pool } from './pool.ts';
import { type Backend, Routes } from './routes.ts';

const SWEEP_MS = 500;

/** The HTTP proxy: sockets in, requests out to the endpoints that the load balancer chooses by these routes. */
export class HttpProxy implements Surroundings {
  routes = new Routes();
  draining = false;
  readonly pool: Pool;
  readonly #balancer: LoadBalancer;
  readonly #downstreams = new Set<Downstream>();
  readonly #sweeper: NodeJS.Timeout;
  #now = Date.now();
  #stopped = false;

  constructor(balancer: LoadBalancer) {
    this.#balancer = balancer;
    this.pool = new Pool(() => this.#now);
    this.#sweeper = setInterval(() => this.#sweep(), SWEEP_MS);
    this.#sweeper.unref();
  }

  /** Takes a client's connection. */
  serve(socket: Socket, scheme: 'http' | 'https'): void {
    this.#downstreams.add(new Downstream(this, socket, scheme));
  }

  /** Every connection ends after its present response. */
  drain(): void {
    this.draining = true;
  }

  resume(): void {
    this.draining = false;
  }

  /** Ends idle connections; busy ones end after their response. Their sockets belong to the host. */
  stop(): void {
    this.draining = true;
    this.#stopped = true;
    for (const downstream of [...this.#downstreams]) downstream.finish();
    if (this.#downstreams.size === 0) this.#end();
  }

  #end(): void {
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
    if (this.#stopped && this.#downstreams.size === 0) this.#end();
  }

  #sweep(): void {
    this.#now = Date.now();
    this.pool.sweep();
    for (const downstream of [...this.#downstreams]) {
      if (downstream.deadline <= this.#now) downstream.expire();
    }
  }
}
