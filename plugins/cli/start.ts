import type { Command, Option } from './command.ts';

const COMMON: Record<string, Option> = {
  data: { type: 'string', value: 'DIR', help: 'where state lives (default: orlop in the XDG data folder)' },
  nats: { type: 'string', value: 'URL', help: 'use this NATS server instead of an embedded one' },
  'nats-ca': {
    type: 'string',
    value: 'FILE',
    help: 'CA of that server, when it has a tls:// address without ?ca=',
  },
  set: {
    type: 'string',
    multiple: true,
    value: 'PLUGIN.KEY=VALUE',
    help: 'configure a plugin; VALUE is JSON or plain text. May be repeated',
  },
  without: {
    type: 'string',
    multiple: true,
    value: 'PLUGIN',
    help: 'leave a standard plugin out. May be repeated',
  },
  verbose: { type: 'boolean', short: 'v', help: 'print the log here too' },
};

const API: Record<string, Option> = {
  replicas: {
    type: 'string',
    value: '1|3',
    help: 'copies of everything; 3 runs three NATS servers, which go on when one dies (new data folder)',
  },
  'nats-listen': {
    type: 'string',
    value: 'HOST[:PORT]',
    help: 'let nodes of other machines join: where the embedded NATS server listens, beyond loopback with TLS (e.g. 0.0.0.0; default port 4222; with --replicas 3 also the next two)',
  },
  'api-port': { type: 'string', value: 'PORT', help: 'port of the Kubernetes API (default 6443)' },
};

const NODE: Record<string, Option> = {
  node: { type: 'string', value: 'NAME', help: "this node's name (default: the host name)" },
  'http-port': { type: 'string', value: 'PORT', help: 'port of the ingress, HTTP (default 8080)' },
  'https-port': { type: 'string', value: 'PORT', help: 'port of the ingress, HTTPS (default 8443)' },
};

export const up: Command = {
  name: 'up',
  summary: 'bring up a cluster on this machine: control plane and one node in one process',
  description: 'Stays in the foreground. Ctrl-C stops everything; the next start resumes the same state.',
  options: {
    ...COMMON,
    ...API,
    ...NODE,
    'no-hello': { type: 'boolean', help: 'do not apply the hello example at the first start' },
  },
  examples: ['orlop up', 'orlop up --data ./cluster --api-port 7443 --without runtime-docker'],
  run: async (values) => (await cluster()).runCluster(['server', 'node'], values),
};

export const server: Command = {
  name: 'server',
  summary: 'run the control plane alone',
  description:
    'Prints the line by which a node joins; on another machine with --nats-listen, or a --nats that both reach.',
  options: { ...COMMON, ...API },
  examples: ['orlop server --nats-listen 0.0.0.0', 'orlop server --replicas 3 --nats-listen 10.0.0.5:4222'],
  run: async (values) => (await cluster()).runCluster(['server'], values),
};

export const node: Command = {
  name: 'node',
  summary: 'run a node alone, joined to a cluster through its NATS server',
  description:
    'Needs --nats as `orlop server` printed it, and a data folder of its own. The address has the password, and with TLS what the CA of the NATS server is known by.',
  options: { ...COMMON, ...NODE },
  run: async (values) => (await cluster()).runCluster(['node'], values),
};

/** Loaded when it is needed: the help of a command should not wait for a kernel. */
function cluster(): Promise<typeof import('./cluster.ts')> {
  return import('./cluster.ts');
}
