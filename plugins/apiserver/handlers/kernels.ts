import { apiVersionOf, type Member, notFound } from 'orlop/plugin';
import type { KernelObject } from '../resources/kinds/kernels.ts';
import type { Call } from './call.ts';
import { sendMade } from './made.ts';
import { sendObject } from './present.ts';

/** GET of the kernels that are alive. */
export async function kernels(call: Call): Promise<void> {
  const { api, path, row } = call;
  const all = api.kernels.members().map((member) => objectOf(call, member));
  if (path.name === undefined) return sendMade(call, all);
  const found = all.find(({ metadata }) => metadata?.name === path.name);
  if (!found) throw notFound(row, path.name);
  await sendObject(call, 200, found);
}

function objectOf({ row }: Call, { id, session, started, version, node, roles }: Member): KernelObject {
  return {
    kind: row.kind,
    apiVersion: apiVersionOf(row),
    metadata: { name: id, uid: session, creationTimestamp: started },
    status: { ...(node === undefined ? {} : { node }), roles, version },
  };
}
