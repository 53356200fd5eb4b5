import type { Service } from 'orlop/plugin';
import { dns1035Label } from '../names.ts';
import type { Strategy } from '../types.ts';
import { needsNodePorts, type ServiceOptions, serviceReservation } from './allocate.ts';
import { validateService, validateServiceUpdate } from './validate.ts';

const SESSION_TIMEOUT_SECONDS = 10_800;

function defaultService({ spec }: Service): void {
  if (!spec) return;
  spec.type ||= 'ClusterIP';
  spec.sessionAffinity ||= 'None';
  if (spec.sessionAffinity === 'ClientIP') {
    spec.sessionAffinityConfig ??= {};
    spec.sessionAffinityConfig.clientIP ??= {};
    spec.sessionAffinityConfig.clientIP.timeoutSeconds ??= SESSION_TIMEOUT_SECONDS;
  }
  for (const port of spec.ports ?? []) {
    port.protocol ||= 'TCP';
    if (port.targetPort === undefined || port.targetPort === '' || port.targetPort === 0)
      port.targetPort = port.port;
  }
  const external = spec.type === 'NodePort' || spec.type === 'LoadBalancer';
  if (external) spec.externalTrafficPolicy ||= 'Cluster';
  if (spec.type === 'LoadBalancer') spec.allocateLoadBalancerNodePorts ??= true;
  if (spec.type === 'ExternalName') return;
  spec.internalTrafficPolicy ??= 'Cluster';
  if (spec.clusterIP && spec.clusterIPs === undefined) spec.clusterIPs = [spec.clusterIP];
  else if (spec.clusterIP === undefined && spec.clusterIPs?.[0]) spec.clusterIP = spec.clusterIPs[0];
  spec.ipFamilyPolicy ??= 'SingleStack';
  spec.ipFamilies ??= ['IPv4'];
}

/** Source: kubernetes `pkg/registry/core/service/strategy.go` and `pkg/apis/core/v1/defaults.go`. */
export function serviceStrategy(options: ServiceOptions): Strategy<Service> {
  return {
    validateName: dns1035Label,
    default: defaultService,
    prepareForCreate(service) {
      Object.assign(service, { status: { loadBalancer: {} } });
      dropUnused(service);
    },
    prepareForUpdate(next, old) {
      keepAllocated(next, old);
      dropUnused(next, old);
    },
    validate: validateService,
    validateUpdate: validateServiceUpdate,
    warnings: serviceWarnings,
    reserve: serviceReservation(options),
  };
}

/** An update that leaves addresses and ports out keeps them. */
function keepAllocated({ spec }: Service, { spec: before }: Service): void {
  if (!spec || !before || spec.type === 'ExternalName') return;
  if (before.type !== 'ExternalName' && !spec.clusterIP) {
    if (before.clusterIP !== undefined) spec.clusterIP = before.clusterIP;
    if (before.clusterIPs !== undefined) spec.clusterIPs ??= before.clusterIPs;
  }
  if (!needsNodePorts({ spec })) return;
  for (const port of spec.ports ?? []) {
    const same = before.ports?.find((each) => each.port === port.port && each.protocol === port.protocol);
    if (!port.nodePort && same?.nodePort) port.nodePort = same.nodePort;
  }
}

/** Drops what the new type has no use for, unless the user has just set it: that is for validation to refuse. */
function dropUnused(next: Service, old?: Service): void {
  const { spec } = next;
  if (!spec || !old?.spec) return;
  const before = old.spec;
  if (spec.type === 'ExternalName' && before.type !== 'ExternalName') {
    if (spec.clusterIP === before.clusterIP) {
      delete spec.clusterIP;
      delete spec.clusterIPs;
    }
    delete spec.ipFamilies;
    delete spec.ipFamilyPolicy;
    delete spec.internalTrafficPolicy;
  }
  if (needsNodePorts(old) && !needsNodePorts(next)) {
    for (const port of spec.ports ?? []) {
      if (before.ports?.some((each) => each.nodePort === port.nodePort)) delete port.nodePort;
    }
  }
  if (spec.type === 'ClusterIP' && before.type !== 'ClusterIP') {
    if (spec.externalTrafficPolicy === before.externalTrafficPolicy) delete spec.externalTrafficPolicy;
    delete spec.allocateLoadBalancerNodePorts;
  }
}

const TOPOLOGY_HINTS = 'service.kubernetes.io/topology-aware-hints';

/** Source: kubernetes `pkg/api/service/warnings.go`. */
function serviceWarnings({ metadata, spec }: Service): string[] {
  const isHeadless = spec?.type === 'ClusterIP' && spec.clusterIP === 'None';
  const ignored = (field: string, isSet: boolean): string[] =>
    isHeadless && isSet ? [`spec.${field} is ignored for headless services`] : [];
  return [
    ...(metadata?.annotations?.[TOPOLOGY_HINTS] === undefined
      ? []
      : [
          `annotation ${TOPOLOGY_HINTS} is deprecated, please use service.kubernetes.io/topology-mode instead`,
        ]),
    ...ignored('loadBalancerIP', Boolean(spec?.loadBalancerIP)),
    ...ignored('externalIPs', (spec?.externalIPs ?? []).length > 0),
    ...ignored('SessionAffinity', spec?.sessionAffinity !== 'None'),
  ];
}
