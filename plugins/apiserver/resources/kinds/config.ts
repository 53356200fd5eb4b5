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
    columns: [column('Secrets', ({ secrets }) => secrets?.length ?? 0)],
  }),
];
