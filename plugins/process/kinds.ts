import {
  Admission,
  Authenticator,
  Authorizer,
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
import { admission } from './admission.ts';
import { authorizer } from './authorizer.ts';
import type { Manifest } from './manifest.ts';
import type { JsonObject } from './messages.ts';

/** Asks the program. `problem`: why a result is of no use, if so; then it throws that. Throws a `StatusError` that names the plugin. */
export type Ask = (
  method: string,
  params: JsonObject,
  problem?: (result: Json) => string | undefined,
) => Promise<Json>;

/** A kind whose service can be given by another process. */
interface ServedKind {
  token: ServiceToken<object>;
  service(ask: Ask, manifest: Manifest): object;
}

/** A service each of whose methods takes one JSON-safe object and returns a promise of JSON: they are passed on. */
function passing(
  methods: readonly string[],
  problem?: (params: JsonObject, result: Json) => string | undefined,
): ServedKind['service'] {
  return (ask) =>
    Object.fromEntries(
      methods.map((method) => [
        method,
        async (params: JsonObject) =>
          (await ask(method, params, (result) => problem?.(params, result))) ?? undefined,
      ]),
    );
}

const SERVED: Readonly<Record<string, ServedKind>> = {
  'admission.v1': { token: Admission, service: admission },
  'auth.v1': { token: Authenticator, service: passing(['authenticate'], (_, user) => userProblem(user)) },
  'authorizer.v1': { token: Authorizer, service: authorizer },
  'scheduler-scoring.v1': {
    token: ScorePlugins,
    service: passing(['score'], (params, result) => scoreProblem(params as unknown as ScoreRequest, result)),
  },
  'volume.v1': { token: VolumeDrivers, service: passing(['setUp', 'tearDown']) },
};

function userProblem(user: Json): string | undefined {
  if (user === null) return undefined;
  const { username, groups } = user as { username?: Json; groups?: Json };
  const isNamed = typeof username === 'string' && username !== '';
  const isGrouped = Array.isArray(groups) && groups.every((group) => typeof group === 'string');
  return isNamed && isGrouped ? undefined : 'it must be null, or have a username and a list of groups';
}

/** Kinds that need the kernel's own process, and why. */
const REFUSED: Readonly<Record<string, string>> = {
  'apiserver.v1': 'its address is read synchronously and its sockets are the host’s',
  'ca.v1': 'its certificate is read synchronously',
  'ingress.v1': 'it takes sockets from the host',
  'loadbalancer.v1': 'pick() is called for each request and answers synchronously',
  'modules.v1': 'what it unpacks must import the very copy of Orlop that runs',
  'network.v1': 'its addresses are read synchronously',
  'node.v1': 'it holds volume drivers and runtimes, which are services of its own thread',
  'runtime.v1': 'logs, exec and port-forward are byte streams',
  'secrets.v1': 'encode() and decode() are called by the store and answer synchronously',
  'tokens.v1': 'its issuer and audiences are read synchronously',
  'write-admission.v1': 'concerns() is called before each write and answers synchronously',
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

/** The services of the kind, each call passed on. */
export function provisionsOf(manifest: Manifest, ask: Ask): Provision[] {
  const served = SERVED[manifest.kind];
  if (!served) return [];
  const { token } = served;
  const service = served.service(ask, manifest);
  if (!token.many) return [provide(token as ServiceToken<object, false>, service)];
  return manifest.provides.map((name) => provide(token as ServiceToken<object, true>, service, name));
}
