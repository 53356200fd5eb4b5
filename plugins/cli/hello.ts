import type { Json } from 'orlop/plugin';
import type { ApiClient } from './client.ts';

/** The host name of the example's Ingress; `*.localhost` is this machine for curl and browsers (RFC 6761). */
export const HELLO_HOST = 'hello.localhost';

const labels = { app: 'hello' };

/** A WASM HTTP component behind a Deployment, a Service and an Ingress. */
const OBJECTS: readonly (readonly [path: string, object: { [key: string]: Json }])[] = [
  [
    '/apis/apps/v1/namespaces/default/deployments/hello',
    {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'hello', labels },
      spec: {
        replicas: 2,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels },
          spec: {
            runtimeClassName: 'wasm',
            containers: [
              {
                name: 'hello',
                image: 'orlop.dev/hello:1',
                ports: [{ containerPort: 3000 }],
                env: [{ name: 'POD_NAME', valueFrom: { fieldRef: { fieldPath: 'metadata.name' } } }],
                readinessProbe: { httpGet: { path: '/', port: 3000 }, periodSeconds: 1 },
              },
            ],
          },
        },
      },
    },
  ],
  [
    '/api/v1/namespaces/default/services/hello',
    {
      apiVersion: 'v1',
      kind: 'Service',
      metadata: { name: 'hello', labels },
      spec: { selector: labels, ports: [{ name: 'http', port: 80, targetPort: 3000 }] },
    },
  ],
  [
    '/apis/networking.k8s.io/v1/namespaces/default/ingresses/hello',
    {
      apiVersion: 'networking.k8s.io/v1',
      kind: 'Ingress',
      metadata: { name: 'hello', labels },
      spec: {
        rules: [
          {
            host: HELLO_HOST,
            http: {
              paths: [
                {
                  path: '/',
                  pathType: 'Prefix',
                  backend: { service: { name: 'hello', port: { name: 'http' } } },
                },
              ],
            },
          },
        ],
      },
    },
  ],
];

export async function applyHello(client: ApiClient): Promise<void> {
  for (const [path, object] of OBJECTS) await client.apply(path, object);
}
