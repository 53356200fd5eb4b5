import {
  type EndpointSlice,
  EndpointSlices,
  Endpoints,
  type EndpointsObject,
  type IPAddress,
  IPAddresses,
  type Service,
  Services,
} from 'orlop/plugin';
import {
  endpointSliceColumns,
  endpointsColumns,
  ipAddressColumns,
  serviceColumns,
} from '../../printing/services.ts';
import { proxy, row } from '../row.ts';
import type { ServiceOptions } from '../services/allocate.ts';
import { endpointsStrategy } from '../services/endpoints.ts';
import { endpointSliceStrategy, ipAddressStrategy } from '../services/slices.ts';
import { serviceStrategy } from '../services/strategy.ts';
import type { ResourceRow } from '../types.ts';
import { deprecation } from '../versions.ts';

export function serviceRows(options: ServiceOptions): ResourceRow[] {
  return [
    row<Service>(Services, {
      shortNames: ['svc'],
      categories: ['all'],
      subresources: [proxy('Service'), 'status'],
      columns: serviceColumns,
      strategy: serviceStrategy(options),
      fieldSelectors: {
        'spec.clusterIP': ({ spec }) => spec?.clusterIP ?? '',
        'spec.type': ({ spec }) => spec?.type ?? '',
      },
    }),
    row<EndpointSlice>(EndpointSlices, { columns: endpointSliceColumns, strategy: endpointSliceStrategy }),
    row<EndpointsObject>(Endpoints, {
      shortNames: ['ep'],
      strategy: endpointsStrategy,
      columns: endpointsColumns,
      deprecation: deprecation(Endpoints, { deprecated: 33 }, EndpointSlices),
    }),
    row<IPAddress>(IPAddresses, {
      shortNames: ['ip'],
      strategy: ipAddressStrategy,
      columns: ipAddressColumns,
    }),
  ];
}
