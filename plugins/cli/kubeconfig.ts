import { existsSync, readFileSync } from 'node:fs';
import { type CertificateAuthority, StatusError, writePrivate } from 'orlop/plugin';
import { parse, stringify } from 'yaml';
import type { Command } from './command.ts';
import { dataDir, kubeconfigPath } from './paths.ts';

/** What a client needs to reach the cluster; PEM. */
export interface Credentials {
  server: string;
  ca: string;
  certificate: string;
  key: string;
}

interface KubeconfigFile {
  clusters: { cluster: { server: string; 'certificate-authority-data': string } }[];
  users: { user: { 'client-certificate-data': string; 'client-key-data': string } }[];
}

/**
 * Writes the administrator's kubeconfig (v1 Config) with a client certificate of the group `system:masters`, made anew at each start: it
 * never expires under a running cluster that is restarted once a year.
 */
export async function writeKubeconfig(path: string, server: string, ca: CertificateAuthority): Promise<void> {
  const { certificate, key } = await ca.issue({
    commonName: 'kubernetes-admin',
    organizations: ['system:masters'],
    usage: 'client',
  });
  const config = {
    apiVersion: 'v1',
    kind: 'Config',
    clusters: [{ name: 'orlop', cluster: { server, 'certificate-authority-data': base64(ca.certificate) } }],
    users: [
      {
        name: 'orlop-admin',
        user: { 'client-certificate-data': base64(certificate), 'client-key-data': base64(key) },
      },
    ],
    contexts: [{ name: 'orlop', context: { cluster: 'orlop', user: 'orlop-admin' } }],
    'current-context': 'orlop',
  };
  writePrivate(path, stringify(config));
}

/** Reads what `writeKubeconfig` wrote. Throws `StatusError` NotFound when no cluster was ever started on this data folder. */
export function readKubeconfig(data: string): Credentials {
  const path = kubeconfigPath(data);
  if (!existsSync(path)) {
    throw new StatusError(
      'NotFound',
      `there is no cluster in ${data}: start one with \`orlop up\`, or name its folder with --data.`,
    );
  }
  const config = parse(readFileSync(path, 'utf8')) as KubeconfigFile;
  const { cluster } = config.clusters[0]!;
  const { user } = config.users[0]!;
  return {
    server: cluster.server,
    ca: text(cluster['certificate-authority-data']),
    certificate: text(user['client-certificate-data']),
    key: text(user['client-key-data']),
  };
}

export const kubeconfig: Command = {
  name: 'kubeconfig',
  summary: 'print the kubeconfig of the cluster, or where it lies',
  options: {
    data: { type: 'string', value: 'DIR', help: "the cluster's data folder" },
    path: { type: 'boolean', help: 'print the path only' },
  },
  examples: ['export KUBECONFIG=$(orlop kubeconfig --path)', 'orlop kubeconfig > ~/.kube/config'],
  async run(values) {
    const data = dataDir(values['data']);
    readKubeconfig(data);
    const path = kubeconfigPath(data);
    console.log(values['path'] ? path : readFileSync(path, 'utf8').trimEnd());
    return 0;
  },
};

function base64(value: string): string {
  return Buffer.from(value).toString('base64');
}

function text(value: string): string {
  return Buffer.from(value, 'base64').toString();
}
