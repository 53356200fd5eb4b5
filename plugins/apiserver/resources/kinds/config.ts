import {
  type ConfigMap,
  ConfigMaps,
  type Secret,
  Secrets,
  type ServiceAccount,
  ServiceAccounts,
} from 'orlop/plugin';
import { configMapStrategy, secretStrategy } from '../config/strategy.ts';
import { column, row } from '../row.ts';
import type { ResourceRow } from '../types.ts';

function count(record: object | undefined): number {
  return Object.keys(record ?? {}).length;
}

const ENFORCED = 'kubernetes.io/enforce-mountable-secrets';

/** Source: kubernetes `pkg/registry/core/serviceaccount/strategy.go`. */
function serviceAccountWarnings({ metadata }: ServiceAccount, old?: ServiceAccount): string[] {
  return metadata?.annotations?.[ENFORCED] === undefined ||
    old?.metadata?.annotations?.[ENFORCED] !== undefined
    ? []
    : [
        `metadata.annotations[${ENFORCED}]: deprecated in v1.32+; prefer separate namespaces to isolate access to mounted secrets`,
      ];
}

export const configRows: readonly ResourceRow[] = [
  row<ConfigMap>(ConfigMaps, {
    shortNames: ['cm'],
    strategy: configMapStrategy,
    columns: [column('Data', ({ data, binaryData }) => count(data) + count(binaryData))],
  }),
  row<Secret>(Secrets, {
    strategy: secretStrategy,
    columns: [column('Type', ({ type }) => type ?? ''), column('Data', ({ data }) => count(data))],
    fieldSelectors: { type: ({ type }) => type ?? '' },
  }),
  row<ServiceAccount>(ServiceAccounts, {
    shortNames: ['sa'],
    strategy: { warnings: serviceAccountWarnings },
    subresources: [
      {
        name: 'token',
        group: 'authentication.k8s.io',
        version: 'v1',
        kind: 'TokenRequest',
        verbs: ['create'],
      },
    ],
    columns: [column('Secrets', ({ secrets }) => secrets?.length ?? 0)],
  }),
];
