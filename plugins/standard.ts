/**
 * The composition root: the one file that names the standard plugins. The order is for the reader; the host sorts them by what they
 * require.
 */
export type Role = 'server' | 'node';

/** Module of each plugin, and the roles it plays: a `server` is the control plane, a `node` runs pods; `up` is both. */
const STANDARD: readonly (readonly [module: string, ...roles: Role[]])[] = [
  ['./secrets/aesgcm/index.js', 'server', 'node'],
  ['./ca/index.js', 'server'],
  ['./tokens/index.js', 'server'],
  ['./auth/index.js', 'server'],
  ['./rbac/index.js', 'server'],
  ['./presence/index.js', 'server', 'node'],
  ['./bundles/index.js', 'server', 'node'],
  ['./apiserver/index.js', 'server'],
  ['./controllers/deployment/index.js', 'server'],
  ['./controllers/replicaset/index.js', 'server'],
  ['./controllers/endpointslice/index.js', 'server'],
  ['./controllers/namespace/index.js', 'server'],
  ['./controllers/garbagecollector/index.js', 'server'],
  ['./controllers/nodelifecycle/index.js', 'server'],
  ['./controllers/serviceaccount/index.js', 'server'],
  ['./controllers/disruption/index.js', 'server'],
  ['./controllers/blobcollector/index.js', 'server'],
  ['./controllers/serviceaccounttoken/index.js', 'server'],
  ['./controllers/certificates/index.js', 'server'],
  ['./controllers/clusterroleaggregation/index.js', 'server'],
  ['./controllers/storagemigrator/index.js', 'server'],
  ['./controllers/pluginevents/index.js', 'server'],
  ['./scheduler/index.js', 'server'],
  ['./network/index.js', 'node'],
  ['./loadbalancer/index.js', 'node'],
  ['./ingress/index.js', 'node'],
  ['./volumes/emptydir/index.js', 'node'],
  ['./volumes/hostpath/index.js', 'node'],
  ['./volumes/projected/index.js', 'node'],
  ['../runtimes/wasm/index.js', 'node'],
  ['../runtimes/docker/index.js', 'node'],
  ['./node/index.js', 'node'],
];

const manifests = new URL('./process/index.js', import.meta.url).href;

/** What makes plugins of modules, by file name extension: of manifests, and of JavaScript. */
export const loaders = {
  '.json': manifests,
  '.yaml': manifests,
  '.yml': manifests,
  '*': new URL('./gate/index.js', import.meta.url).href,
};

/** The standard plugins that any of these roles needs, as module URLs. */
export function standardPlugins(roles: readonly Role[]): { module: string }[] {
  return STANDARD.filter(([, ...of]) => of.some((role) => roles.includes(role))).map(([module]) => ({
    module: new URL(module, import.meta.url).href,
  }));
}
