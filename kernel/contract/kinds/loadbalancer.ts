import { service } from '../plugin.ts';

/** One ready endpoint of a Service port. */
export interface Endpoint {
  readonly host: string;
  readonly port: number;
}

/** An endpoint held for one request or connection; `release` exactly once. */
export interface Pick {
  readonly endpoint: Endpoint;
  release(): void;
}

/**
 * `loadbalancer.v1`: chooses the endpoint for each request or connection, the least busy ready one. Provided to the data path in the
 * same thread; synchronous, no I/O.
 */
export interface LoadBalancer {
  /** `port`: name or number of a Service port. `undefined`: no such Service port, or no ready endpoint. `not`: endpoints just tried in vain. */
  pick(
    namespace: string,
    service: string,
    port: string | number,
    not?: readonly Endpoint[],
  ): Pick | undefined;
}

export const LoadBalancer = service<LoadBalancer>('loadbalancer.v1');
