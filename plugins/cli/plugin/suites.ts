import {
  authConformance,
  authorizerConformance,
  type Checks,
  caConformance,
  loadBalancerConformance,
  networkConformance,
  schedulerConformance,
  scoringConformance,
  secretsConformance,
  tokensConformance,
  type VolumeFixture,
  volumeConformance,
} from 'orlop/conformance';
import {
  Authenticator,
  Authorizer,
  CertificateAuthority,
  LoadBalancer,
  PodNetwork,
  type ScorePlugin,
  SecretsEncoding,
  ServiceAccountTokens,
  type VolumeDriver,
} from 'orlop/plugin';
import type { Kernel } from '../../../kernel/kernel.ts';

/** What a plugin's author says for its test: the default export of `conformance.mjs`. */
export interface Given {
  /** The plugin's configuration. */
  config?: object;
  /** `auth.v1`: a bearer token that is somebody's. */
  token?: string;
  /** `scheduler-scoring.v1`: labels of some of the nodes. */
  labels?: Record<string, string>;
  /** `volume.v1`: for each volume source it serves; default `{ SOURCE: {} }`. */
  volumes?: Record<string, Omit<VolumeFixture, 'driver'>>;
}

interface Subject {
  name: string;
  kernel: Kernel;
  drivers: ReadonlyMap<string, VolumeDriver>;
  scorers: ReadonlyMap<string, ScorePlugin>;
  given: Given;
}

type Suite = (t: Checks, subject: Subject) => Promise<void>;

const SUITES: Readonly<Record<string, Suite>> = {
  'auth.v1': (t, { name, kernel, given: { token } }) =>
    authConformance(t, name, async () => ({
      authenticator: kernel.service(Authenticator),
      ...(token === undefined ? {} : { token }),
    })),
  'authorizer.v1': (t, { name, kernel }) =>
    authorizerConformance(t, name, async () => ({ authorizer: kernel.service(Authorizer) })),
  'ca.v1': (t, { name, kernel }) =>
    caConformance(t, name, async () => ({ authority: kernel.service(CertificateAuthority) })),
  'loadbalancer.v1': (t, { name, kernel }) =>
    loadBalancerConformance(t, name, async () => ({
      balancer: kernel.service(LoadBalancer),
      objects: kernel.objects,
    })),
  'network.v1': (t, { name, kernel }) =>
    networkConformance(t, name, async () => ({ network: kernel.service(PodNetwork) })),
  'scheduler.v1': (t, { name, kernel }) =>
    schedulerConformance(t, name, async () => ({ objects: kernel.objects })),
  'secrets.v1': (t, { name, kernel }) =>
    secretsConformance(t, name, async () => ({ encoding: kernel.service(SecretsEncoding) })),
  async 'scheduler-scoring.v1'(t, { scorers, given: { labels } }) {
    for (const [name, plugin] of scorers)
      await scoringConformance(t, name, async () => ({ plugin, ...(labels ? { labels } : {}) }));
  },
  'tokens.v1': (t, { name, kernel }) =>
    tokensConformance(t, name, async () => ({
      tokens: kernel.service(ServiceAccountTokens),
      objects: kernel.objects,
    })),
  async 'volume.v1'(t, { drivers, given }) {
    for (const [source, driver] of drivers) {
      const fixture = given.volumes?.[source] ?? { volume: { name: 'v', [source]: {} } };
      await volumeConformance(t, source, async () => ({ driver, ...fixture }));
    }
  },
};

/** `undefined`: a plugin of that kind can only be looked at as any plugin, or its suite asks for more than can be guessed. */
export function suiteOf(kind: string): Suite | undefined {
  return SUITES[kind];
}
