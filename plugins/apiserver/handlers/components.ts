import { apiVersionOf, isPluginRunning, notFound, type PluginObject, Plugins } from 'orlop/plugin';
import { listQuery } from '../http/options.ts';
import type { ComponentStatus } from '../resources/kinds/components.ts';
import type { Call } from './call.ts';
import { sendMade } from './made.ts';
import { sendObject } from './present.ts';
import { selection } from './selection.ts';

/** GET of how the components of the control plane are: here each is a plugin. Source: kubernetes `registry/core/componentstatus/rest.go`. */
export async function components(call: Call): Promise<void> {
  const { api, exchange, path, row } = call;
  if (path.name !== undefined) {
    const plugin = (await api.objects.get(Plugins, { name: path.name }))?.value;
    if (!plugin || !isMeant(plugin)) throw notFound(row, path.name);
    return sendObject(call, 200, statusOf(call, plugin));
  }
  const { labelSelector, fieldSelector } = listQuery(exchange.query);
  const { where } = selection(row, labelSelector, fieldSelector);
  const { items } = await api.objects.list(Plugins, { where });
  await sendMade(
    call,
    items.filter(({ value }) => isMeant(value)).map(({ value }) => statusOf(call, value)),
  );
}

/** One that is skipped where it is, is none. */
function isMeant({ status }: PluginObject): boolean {
  return status?.phase !== 'Skipped' && status?.phase !== 'Stopped';
}

function statusOf({ row }: Call, { metadata, status }: PluginObject): ComponentStatus {
  const { name = '', labels } = metadata ?? {};
  const isUp = status !== undefined && (isPluginRunning(status) || status.phase === 'Standby');
  const isHealthy = isUp && status.healthy !== false;
  const why = status?.message ?? `its phase is ${status?.phase ?? 'Pending'}`;
  return {
    kind: row.kind,
    apiVersion: apiVersionOf(row),
    metadata: { name, ...(labels === undefined ? {} : { labels }) },
    conditions: [
      isHealthy
        ? { type: 'Healthy', status: 'True', message: 'ok' }
        : { type: 'Healthy', status: 'False', error: why },
    ],
  };
}
