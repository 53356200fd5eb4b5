import {
  Authenticator,
  type Json,
  type Provision,
  provide,
  ScorePlugins,
  type ScoreRequest,
  type ServiceToken,
  StatusError,
  scoreProblem,
  VolumeDrivers,
} from 'orlop/plugin';
import type { JsonObject } from './messages.ts';

/** A kind whose service can be given by another process: each method takes one JSON-safe object and returns a promise of JSON. */
interface ServedKind {
  token: ServiceToken<object>;
  methods: readonly string[];
  /** Why a result is of no use, if so. */
  problem?(params: JsonObject, result: Json): string | undefined;
}

const SERVED: Readonly<Record<string, ServedKind>> = {
  'scheduler-scoring.v1': {
    token: ScorePlugins,
    methods: ['score'],
    problem: (params, result) => scoreProblem(params as unknown as ScoreRequest, result),
  },
  'volume.v1': {
    token: VolumeDrivers,
    methods: ['setUp', 'tearDown'],
  },
  'auth.v1': {
    token: Authenticator,
    methods: ['authenticate'],
  },
};

/** Kinds that need the kernel's own process, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  'apiserver.v1': 'its address is read synchronously and its sockets are the host’s',
  'ca.v1': 'its certificate is read synchronously',
  'ingress.v1': 'it takes sockets from the host',
  'loadbalancer.v1': 'pick() is called for each request and answers synchronously',
  'network.v1': 'its addresses are read synchronously',
  'node.v1': 'it holds volume drivers and runtimes, which are services of its own thread',
  'runtime.v1': 'logs, exec and port-forward are byte streams',
  'secrets.v1': 'encode() and decode() are called by the store and answer synchronously',
};

/** The tokens a plugin of this kind provides, none for a kind without a service. Throws `Invalid` for a kind that must be in-process. */
export function tokensOf(kind: string): ServiceToken<object>[] {
  const why = REFUSED[kind];
  if (why !== undefined)
    throw new StatusError(
      'Invalid',
      `a plugin of kind ${kind} cannot run in another process: ${why}; write it in JavaScript`,
    );
  const served = SERVED[kind];
  return served ? [served.token] : [];
}

export type Call = (method: string, params: JsonObject) => Promise<Json>;

/**
 * The services of the kind, each call passed on. `names`: of a kind of which there may be many. `useless` is told of results that are
 * refused, and makes the error of them.
 */
export function provisionsOf(
  kind: string,
  names: readonly string[],
  call: Call,
  useless: (method: string, problem: string) => Error,
): Provision[] {
  const served = SERVED[kind];
  if (!served) return [];
  const { token, methods, problem } = served;
  const service: Record<string, (params: JsonObject) => Promise<Json | undefined>> = {};
  for (const method of methods) {
    service[method] = async (params) => {
      const result = await call(method, params);
      const why = problem?.(params, result);
      if (why !== undefined) throw useless(method, why);
      return result ?? undefined;
    };
  }
  if (!token.many) return [provide(token as ServiceToken<object, false>, service)];
  return names.map((name) => provide(token as ServiceToken<object, true>, service, name));
}
