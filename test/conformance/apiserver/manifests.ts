import type { ObjectClient } from 'orlop/plugin';
import type { Api } from './client.ts';

/** What is looked at, and the store behind it. */
export interface Served {
  readonly api: Api;
  readonly objects: ObjectClient;
}

export const NAMESPACE = 'conformance';
export const CONFIG_MAPS = `/api/v1/namespaces/${NAMESPACE}/configmaps`;
export const DEPLOYMENTS = `/apis/apps/v1/namespaces/${NAMESPACE}/deployments`;
/** Of no namespace. */
export const PRIORITY_CLASSES = '/apis/scheduling.k8s.io/v1/priorityclasses';

export function configMap(name: string, data: Record<string, string> = {}, metadata: object = {}): object {
  return { apiVersion: 'v1', kind: 'ConfigMap', metadata: { name, ...metadata }, data };
}

export function deployment(name: string, spec: object = {}): object {
  return {
    apiVersion: 'apps/v1',
    kind: 'Deployment',
    metadata: { name },
    spec: {
      selector: { matchLabels: { app: name } },
      template: {
        metadata: { labels: { app: name } },
        spec: { containers: [{ name: 'main', image: 'main:1' }] },
      },
      ...spec,
    },
  };
}

/** The body of every refusal. */
export function failure(code: number, reason: string, rest: object = {}): object {
  return {
    code,
    body: { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, ...rest },
  };
}
