import {
  type EndpointSlice,
  EndpointSlices,
  type IPAddress,
  IPAddresses,
  type Service,
  Services,
} from 'orlop/plugin';
import { endpointSliceColumns, ipAddressColumns, serviceColumns } from '../../printing/services.ts';
import { dns1035Label } from '../names.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

export interface ServiceOptions {
  /** Where ClusterIPs come from, e.g. `10.96.0.0/16`. */
  serviceCIDR: string;
  /** First and last node port, inclusive. */
  nodePorts: readonly [first: number, last: number];
}

export function serviceRows(_options: ServiceOptions): ResourceRow[] {
  return [
    row<Service>(Services, {
      shortNames: ['svc'],
      categories: ['all'],
      subresources: ['status'],
      columns: serviceColumns,
      strategy: { validateName: dns1035Label },
      fieldSelectors: {
        'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
        'spec.type': ({ spec }) => spec?.type ?? '',
      },
    }),
    row<EndpointSlice>(EndpointSlices, { columns: endpointSliceColumns }),
    row<IPAddress>(IPAddresses, { shortNames: ['ip'], columns: ipAddressColumns }),
  ];
}
