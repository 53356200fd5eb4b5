import {
  type AdmissionSample,
  type ApiCredential,
  admissionConformance,
  apiServerConformance,
  authConformance,
  authorizerConformance,
  type Checks,
  type ControllerTask,
  caConformance,
  controllerConformance,
  ingressConformance,
  loadBalancerConformance,
  modulesConformance,
  networkConformance,
  nodeConformance,
  presenceConformance,
  type RuntimeFixture,
  runtimeConformance,
  schedulerConformance,
  scoringConformance,
  secretsConformance,
  tokensConformance,
  type VolumeFixture,
  volumeConformance,
  type WriteSample,
  writeAdmissionConformance,
} from 'orlop/conformance';
import {
  type Admission,
  ApiServer,
  Authenticator,
  Authorizer,
  CertificateAuthority,
  LoadBalancer,
  ModuleSource,
  type ObjectClient,
  type PluginDeclaration,
  PodNetwork,
  type Runtime,
  type ScorePlugin,
  SecretsEncoding,
  ServiceAccountTokens,
  type VolumeDriver,
  WriteAdmission,
} from 'orlop/plugin';
import type { Kernel } from '../../../kernel/kernel.ts';

/** What a plugin's author says for its test: the default export of `conformance.mjs`. */
export interface Given {
  /** The plugin's configuration. */
  config?: object;
  /** `admission.v1`: requests of which it is known what becomes of them. */
  admission?: { admitted?: AdmissionSample[]; refused?: AdmissionSample[] };
  /** `apiserver.v1`: where not given, certificates of the cluster's CA are used; see `ApiServerFixture`. */
  apiserver?: { ca?: string; admin?: ApiCredential; nobody?: ApiCredential };
  /** `auth.v1`: a bearer token that is somebody's. */
  token?: string;
  /** `controller.v1`: what it is for. Without it, only what holds for every controller is looked at. */
  tasks?: readonly ControllerTask[];
  /** `ingress.v1`: the ports of 127.0.0.1 where it serves, if they are not its configuration's `httpPort` and `httpsPort`; see `IngressFixture`. */
  ingress?: { http?: number; https?: number; controller?: string };
  /** `runtime.v1`: what its containers can be told to do; `network` where pods have addresses of a bridge that is there. */
  runtime?: Omit<RuntimeFixture, 'runtime' | 'network'> & Partial<Pick<RuntimeFixture, 'network'>>;
  /** `scheduler-scoring.v1`: labels of some of the nodes. */
  labels?: Record<string, string>;
  /** `volume.v1`: for each volume source it serves; default `{ SOURCE: {} }`. */
  volumes?: Record<string, Omit<VolumeFixture, 'driver'>>;
  /** `write-admission.v1`: objects of which it is known what becomes of them when a plugin creates them. */
  writes?: { admitted?: WriteSample[]; refused?: WriteSample[] };
}

/** The node that the kernel stands for. */
export const NODE = 'conformance';

interface Subject {
  name: string;
  plugin: PluginDeclaration;
  kernel: Kernel;
  /** The store as another plugin of its thread has it. */
  objects: ObjectClient;
  admissions: ReadonlyMap<string, Admission>;
  drivers: ReadonlyMap<string, VolumeDriver>;
  scorers: ReadonlyMap<string, ScorePlugin>;
  runtimes: ReadonlyMap<string, Runtime>;
  /** Its configuration, its ports filled in. */
  config: Readonly<Record<string, unknown>>;
  given: Given;
  /** Swaps it for itself. */
  swap(): Promise<void>;
  /** Swaps it for one that does nothing. What is returned brings it back. */
  away(): Promise<() => Promise<void>>;
  /** Starts another kernel of the cluster that runs the same plugins. */
  another(node: string): Promise<Kernel>;
}

type Suite = (t: Checks, subject: Subject) => Promise<void>;

const LOCAL = '127.0.0.1';
const NO_PORT =
  'where it serves is not known: give it a configuration key "httpPort", or say so in conformance.mjs: export default { ingress: { http: PORT } }';

const SUITES: Readonly<Record<string, Suite>> = {
  async 'admission.v1'(t, { name, admissions, given }) {
    const admission = admissions.get(name);
    if (!admission)
      return void t.fail(`conformance to admission.v1: it provides its admission by its own name, "${name}"`);
    await admissionConformance(t, name, async () => ({ admission, ...given.admission }));
  },
  'apiserver.v1': (t, { name, kernel, given: { apiserver = {} } }) =>
    apiServerConformance(t, name, async () => {
      const client = async (commonName: string, ...organizations: string[]): Promise<ApiCredential> =>
        await kernel
          .service(CertificateAuthority)
          .issue({ commonName, organizations, usage: 'client', days: 1 });
      const {
        ca = kernel.service(CertificateAuthority).certificate,
        admin = await client('conformance-admin', 'system:masters'),
        nobody = await client('conformance-nobody'),
      } = apiserver;
      return { server: kernel.service(ApiServer), ca, admin, nobody, objects: kernel.objects };
    }),
  'auth.v1': (t, { name, kernel, given: { token } }) =>
    authConformance(t, name, async () => ({
      authenticator: kernel.service(Authenticator),
      ...(token === undefined ? {} : { token }),
    })),
  'authorizer.v1': (t, { name, kernel }) =>
    authorizerConformance(t, name, async () => ({ authorizer: kernel.service(Authorizer) })),
  'ca.v1': (t, { name, kernel }) =>
    caConformance(t, name, async () => ({ authority: kernel.service(CertificateAuthority) })),
  'controller.v1': (t, { name, plugin, kernel, swap, away, given: { tasks } }) =>
    controllerConformance(t, name, async () => ({
      objects: kernel.objects,
      blobs: kernel.blobs,
      swap,
      away,
      resources: (plugin.grants?.objects ?? []).flatMap(({ resource }) => (resource === '*' ? [] : resource)),
      ...(tasks ? { tasks } : {}),
    })),
  'ingress.v1': (t, { name, kernel, config, swap, given: { ingress = {} } }) =>
    ingressConformance(t, name, async () => {
      const { http, https, controller } = {
        ...{ http: config['httpPort'], https: config['httpsPort'] },
        ...ingress,
      };
      if (typeof http !== 'number') throw new Error(NO_PORT);
      return {
        objects: kernel.objects,
        http: { host: LOCAL, port: http },
        ...(typeof https === 'number' ? { https: { host: LOCAL, port: https } } : {}),
        controller,
        swap,
      };
    }),
  'loadbalancer.v1': (t, { name, kernel }) =>
    loadBalancerConformance(t, name, async () => ({
      balancer: kernel.service(LoadBalancer),
      objects: kernel.objects,
    })),
  'modules.v1': (t, { name, kernel, swap }) =>
    modulesConformance(t, name, async () => ({
      modules: kernel.service(ModuleSource),
      blobs: kernel.blobs,
      swap,
    })),
  'network.v1': (t, { name, kernel }) =>
    networkConformance(t, name, async () => ({ network: kernel.service(PodNetwork) })),
  'node.v1': (t, { name, kernel, runtimes, swap, away }) =>
    nodeConformance(t, name, async () => ({
      objects: kernel.objects,
      bus: kernel.bus,
      node: NODE,
      runtime: runtimes.get('fake')!,
      swap,
      away,
    })),
  'presence.v1': (t, { name, kernel, swap, another }) =>
    presenceConformance(t, name, async () => ({
      bus: kernel.bus,
      kernel: { id: kernel.id, node: NODE },
      swap,
      another,
    })),
  async 'runtime.v1'(t, { runtimes, given }) {
    const { runtime: said } = given;
    if (!said)
      return void t.fail(
        'conformance to runtime.v1: say in conformance.mjs what a container can be told to do',
      );
    for (const [name, runtime] of runtimes) {
      const network = said.network ?? { bridge: BRIDGE, address: addressesFor(runtime) };
      await runtimeConformance(t, name, async () => ({ ...said, network, runtime }));
    }
  },
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
  'write-admission.v1': (t, { name, kernel, objects, given: { writes = {} } }) =>
    writeAdmissionConformance(t, name, async () => ({
      admission: kernel.service(WriteAdmission),
      objects,
      ...writes,
    })),
};

const BRIDGE = { cidr: '10.244.0.0/24', gateway: '10.244.0.1' };

function addressesFor({ attachment }: Runtime): () => string {
  let last = 1;
  return () => `${attachment === 'local' ? '127.244.0' : '10.244.0'}.${++last}`;
}

/** Those of its kind and of what it provides. None: it can only be looked at as any plugin, or its suite asks for more than can be guessed. */
export function suitesOf({ kind, provides = [] }: PluginDeclaration): Suite[] {
  const kinds = new Set([kind, ...provides.map((token) => token.kind)]);
  return [...kinds].flatMap((each) => SUITES[each] ?? []);
}
