import { type Command, type Option, UsageError } from '../command.ts';
import { copiedKinds } from './copies.ts';
import { pythonKinds, skeletonKinds } from './skeleton.ts';

const DATA: Option = { type: 'string', value: 'DIR', help: "the cluster's data folder" };

const config: Command = {
  name: 'plugin config',
  words: ['NAME'],
  summary: "print a plugin's configuration as documentation",
  description:
    'NAME is a plugin of the cluster if one runs on this machine, a standard plugin, or the path or package of a module.',
  options: { data: DATA },
  examples: ['orlop plugin config ingress', 'orlop plugin config ./my-plugin'],
  run: async (values) => {
    const { printConfig } = await import('./config.ts');
    return await printConfig(word(values['NAME']), values['data']);
  },
};

const create: Command = {
  name: 'plugin new',
  words: ['NAME'],
  summary: 'write the skeleton of a plugin: typed, tested, ready to run',
  description:
    'Writes a folder NAME here. It depends on `orlop/plugin` only, and needs no build: JavaScript with checked JSDoc types.',
  options: {
    kind: {
      type: 'string',
      value: 'KIND',
      help: `what it is to be: ${skeletonKinds().join(', ')} (default controller.v1); of ${copiedKinds().join(' and ')} it is a copy of Orlop's own`,
    },
    language: {
      type: 'string',
      value: 'LANGUAGE',
      help: `javascript (the default), or python for ${pythonKinds().join(', ')}`,
    },
  },
  examples: [
    'orlop plugin new my-scheduler --kind scheduler.v1',
    'orlop plugin new my-scorer --kind scheduler-scoring.v1 --language python',
  ],
  run: async (values) => {
    const { writeSkeleton } = await import('./skeleton.ts');
    return writeSkeleton(
      word(values['NAME']),
      word(values['kind'] ?? 'controller.v1'),
      word(values['language'] ?? 'javascript'),
    );
  },
};

const test: Command = {
  name: 'plugin test',
  words: ['PATH'],
  summary: "check a plugin's declaration and run its kind's conformance suite",
  description:
    'Runs the plugin in a kernel of its own, in a process and a temporary folder that are gone in the end. Exit code 1: something failed.',
  options: {
    timeout: {
      type: 'string',
      value: 'SECONDS',
      help: 'how long a check may take before it counts as failed, and is the last (default 60)',
    },
  },
  examples: ['orlop plugin test ./my-volume'],
  run: async (values) => {
    const seconds = Number(values['timeout'] ?? 60);
    if (!(seconds >= 1)) throw new UsageError('--timeout takes a number of seconds, 1 or more.');
    return await (await import('./trial.ts')).tryPlugin(word(values['PATH']), seconds);
  },
};

const swap: Command = {
  name: 'plugin swap',
  words: ['NAME', 'MODULE'],
  summary: 'replace a running plugin, or load a new one, and show how that goes',
  description:
    'Applies a Plugin object, as `kubectl apply` would, and waits. When the new one is refused, the old one goes on and the exit code is 1.',
  options: { data: DATA },
  examples: [
    'orlop plugin swap scheduler ./my-scheduler',
    'kubectl delete plugin scheduler  # back to the standard one',
  ],
  run: async (values) => {
    const { swapPlugin } = await import('./swap.ts');
    return await swapPlugin(word(values['NAME']), word(values['MODULE']), values['data']);
  },
};

const push: Command = {
  name: 'plugin push',
  words: ['PATH'],
  summary: 'store a plugin in the cluster, so that every kernel loads the same bytes',
  description:
    'Bundles the module with all that it imports, stores that by its content and prints the reference for spec.module of a Plugin. What nothing refers to is deleted after an hour.',
  options: {
    data: DATA,
    swap: {
      type: 'string',
      value: 'NAME',
      help: 'then replace this running plugin by it, or load a new one',
    },
  },
  examples: ['orlop plugin push ./my-scheduler', 'orlop plugin push ./my-scheduler --swap scheduler'],
  run: async (values) => {
    const { pushPlugin } = await import('./push.ts');
    const swap = values['swap'] === undefined ? undefined : word(values['swap']);
    return await pushPlugin(word(values['PATH']), { swap, data: values['data'] });
  },
};

const dev: Command = {
  name: 'plugin dev',
  words: ['PATH'],
  summary: 'run a cluster with a plugin, and swap it in anew at every save',
  description:
    'A scheduler, load balancer or the like takes the place of the standard one; what there may be many of is added. Ctrl-C stops the cluster.',
  options: {
    data: { ...DATA, help: "the cluster's data folder (default: .orlop/cluster in PATH)" },
    'api-port': { type: 'string', value: 'PORT', help: 'port of the Kubernetes API (default 6443)' },
    'http-port': { type: 'string', value: 'PORT', help: 'port of the ingress, HTTP (default 8080)' },
    'https-port': { type: 'string', value: 'PORT', help: 'port of the ingress, HTTPS (default 8443)' },
  },
  examples: ['orlop plugin dev ./my-scheduler'],
  run: async (values) => await (await import('./dev.ts')).develop(word(values['PATH']), values),
};

const all: readonly Command[] = [config, create, test, swap, push, dev];

export const plugin: Command = {
  name: 'plugin',
  summary: 'write, test, push and swap plugins',
  options: {},
  subcommands: all,
  // Only reached with a subcommand.
  run: async () => 2,
};

/** The parser has seen to it that it is there. */
function word(value: unknown): string {
  return String(value);
}
