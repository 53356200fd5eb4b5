import type { EndpointSlice, Ingress, IngressBackend, KubeObject } from 'orlop/plugin';
import { definitionConversion } from './extensions/older.ts';
import type { ResourceRow } from './types.ts';
import { type Lifecycle, olderVersion } from './versions.ts';

interface OlderBackend {
  serviceName?: string;
  servicePort?: number | string;
  resource?: unknown;
}
type Spec = NonNullable<Ingress['spec']>;
type Backend = IngressBackend & OlderBackend;

/** Every backend of an Ingress, changed in place; the default one is `backend` in the older form. */
function changeBackends(
  ingress: Ingress,
  from: 'backend' | 'defaultBackend',
  to: 'backend' | 'defaultBackend',
  change: (backend: Backend) => OlderBackend | IngressBackend,
): void {
  const spec = ingress.spec as (Spec & { backend?: Backend }) | undefined;
  if (!spec) return;
  const own = spec[from];
  delete spec[from];
  if (own) Object.assign(spec, { [to]: change(own as Backend) });
  for (const { http } of spec.rules ?? []) {
    for (const path of http?.paths ?? []) {
      if (path.backend) Object.assign(path, { backend: change(path.backend) });
    }
  }
}

/** Source: kubernetes `pkg/apis/networking/v1beta1/conversion.go`. */
export const ingressConversion = {
  toStorage(ingress: Ingress): void {
    changeBackends(ingress, 'backend', 'defaultBackend', ({ serviceName, servicePort, ...rest }) => {
      if (serviceName === undefined && servicePort === undefined) return rest;
      const port = typeof servicePort === 'string' ? { name: servicePort } : { number: servicePort };
      return { ...rest, service: { name: serviceName ?? '', port } };
    });
    // The older version did not ask for it.
    for (const { http } of ingress.spec?.rules ?? []) {
      for (const path of http?.paths ?? []) path.pathType ??= 'ImplementationSpecific';
    }
  },
  fromStorage(ingress: Ingress): void {
    changeBackends(ingress, 'defaultBackend', 'backend', ({ service, ...rest }) =>
      service
        ? { ...rest, serviceName: service.name, servicePort: service.port?.name ?? service.port?.number ?? 0 }
        : rest,
    );
  },
};

const ZONE = 'topology.kubernetes.io/zone';
const HOST = 'kubernetes.io/hostname';

type OlderEndpoint = EndpointSlice['endpoints'][number] & { topology?: Record<string, string> };

/** Source: kubernetes `pkg/apis/discovery/v1beta1/conversion.go`. */
export const endpointSliceConversion = {
  toStorage({ endpoints }: EndpointSlice): void {
    for (const endpoint of (endpoints ?? []) as OlderEndpoint[]) {
      const { [ZONE]: zone, [HOST]: host, ...others } = endpoint.topology ?? {};
      delete endpoint.topology;
      if (zone !== undefined) endpoint.zone = zone;
      if (host !== undefined) endpoint.nodeName ??= host;
      if (Object.keys(others).length > 0) endpoint.deprecatedTopology = others;
    }
  },
  fromStorage({ endpoints }: EndpointSlice): void {
    for (const endpoint of (endpoints ?? []) as OlderEndpoint[]) {
      const topology = { ...endpoint.deprecatedTopology };
      if (endpoint.zone !== undefined) topology[ZONE] = endpoint.zone;
      if (endpoint.nodeName !== undefined) topology[HOST] = endpoint.nodeName;
      delete endpoint.zone;
      delete endpoint.deprecatedTopology;
      if (Object.keys(topology).length > 0) endpoint.topology = topology;
    }
  },
};

type Conversion = { toStorage(object: never): void; fromStorage(object: never): void };

interface Older {
  readonly version: string;
  readonly lifecycle: Lifecycle;
  readonly conversion?: Conversion;
}

/** Kind -> its older versions, and how they differ. Source of the minors: kubernetes `zz_generated.prerelease-lifecycle.go`. */
const OLDER: Readonly<Record<string, readonly Older[]>> = {
  CronJob: [v1beta1(21, 25)],
  PodDisruptionBudget: [v1beta1(21, 25)],
  Role: [v1beta1(17, 22)],
  RoleBinding: [v1beta1(17, 22)],
  ClusterRole: [v1beta1(17, 22)],
  ClusterRoleBinding: [v1beta1(17, 22)],
  IngressClass: [v1beta1(19, 22)],
  Ingress: [
    v1beta1(19, 22, ingressConversion),
    { ...v1beta1(14, 22, ingressConversion), version: 'extensions/v1beta1' },
  ],
  EndpointSlice: [v1beta1(21, 25, endpointSliceConversion)],
  CustomResourceDefinition: [v1beta1(16, 22, definitionConversion)],
};

function v1beta1(deprecated: number, removed: number, conversion?: Conversion): Older {
  return { version: 'v1beta1', lifecycle: { deprecated, removed }, ...(conversion ? { conversion } : {}) };
}

/** Versions that Kubernetes 1.20 served and that differ from the newest mechanically; stored as the newest. */
export function olderRows(rows: readonly ResourceRow[]): ResourceRow[] {
  return rows.flatMap((row) =>
    (OLDER[row.kind] ?? []).map(({ version, lifecycle, conversion }) =>
      olderVersion<KubeObject>(row, version, conversion as ResourceRow['conversion'], lifecycle),
    ),
  );
}
