import type { Deployment, KubeObject, Node, PluginObject, Pod } from 'orlop/plugin';
import { findCondition, isPodReady } from 'orlop/plugin';
import { type ApiClient, apiClient } from './client.ts';
import type { Command } from './command.ts';
import { readKubeconfig } from './kubeconfig.ts';
import { dataDir } from './paths.ts';

interface Kernel extends KubeObject {
  status: { node?: string; roles: string[]; version: string };
}

interface List<T> {
  items: T[];
}

export const status: Command = {
  name: 'status',
  summary: 'say whether the cluster runs and is well',
  description: 'Exit code 0: it answers, its nodes are ready and no plugin has failed; 1 otherwise.',
  options: { data: { type: 'string', value: 'DIR', help: "the cluster's data folder" } },
  async run(values) {
    const credentials = readKubeconfig(dataDir(values['data']));
    const client = apiClient(credentials);
    try {
      console.log(`api        ${credentials.server}`);
      return (await describe(client)) ? 0 : 1;
    } finally {
      client.close();
    }
  },
};

async function describe(client: ApiClient): Promise<boolean> {
  const [kernels, nodes, pods, deployments, plugins] = await Promise.all([
    client.get<List<Kernel>>('/apis/orlop.dev/v1/kernels'),
    client.get<List<Node>>('/api/v1/nodes'),
    client.get<List<Pod>>('/api/v1/pods'),
    client.get<List<Deployment>>('/apis/apps/v1/deployments'),
    client.get<List<PluginObject>>('/apis/orlop.dev/v1/plugins'),
  ]);
  const ready = nodes.items.filter(
    (node) => findCondition(node.status?.conditions, 'Ready')?.status === 'True',
  );
  const skipped = plugins.items.filter((plugin) => plugin.status?.phase === 'Skipped');
  const failed = plugins.items.filter(
    (plugin) =>
      !skipped.includes(plugin) && (plugin.status?.phase === 'Failed' || plugin.status?.healthy === false),
  );
  const available = deployments.items.filter(
    ({ spec, status }) => (status?.availableReplicas ?? 0) >= (spec?.replicas ?? 1),
  );
  console.log(`kernels    ${kernels.items.length} alive`);
  for (const { metadata, status } of kernels.items) {
    const { node, roles, version } = status;
    const what = [roles.join(' and '), node && `node ${node}`, version].filter(Boolean);
    console.log(`  ${metadata?.name}: ${what.join(', ')}, since ${metadata?.creationTimestamp}`);
  }
  console.log(`nodes      ${ready.length} of ${nodes.items.length} ready`);
  console.log(`pods       ${pods.items.filter(isPodReady).length} of ${pods.items.length} ready`);
  console.log(`deploys    ${available.length} of ${deployments.items.length} available`);
  console.log(`plugins    ${plugins.items.length - failed.length - skipped.length} running`);
  for (const { metadata, status } of skipped) console.log(`  skipped  ${metadata?.name}: ${status?.message}`);
  for (const { metadata, status: { reason, message } = {} } of failed)
    console.log(`  failed   ${metadata?.name}: ${reason === undefined ? '' : `${reason}: `}${message}`);
  return failed.length === 0 && nodes.items.length > 0 && ready.length === nodes.items.length;
}
