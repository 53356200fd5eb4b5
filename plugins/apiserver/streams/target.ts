import { notFound, type Pod, StatusError } from 'orlop/plugin';
import { type Call, keyOfPath } from '../handlers/call.ts';

export interface Target {
  readonly pod: Pod;
  readonly node: string;
  readonly namespace: string;
  readonly name: string;
  readonly uid: string;
}

/** The pod that the path names, and its node. Throws NotFound, or BadRequest when it runs nowhere. */
export async function targetOf(call: Call): Promise<Target> {
  const { api, row } = call;
  const key = keyOfPath(call);
  const stored = await api.objects.get(row.storage, key);
  if (!stored) throw notFound(row, key.name);
  const pod = stored.value as Pod;
  const { name = '', namespace = '', uid = '' } = pod.metadata ?? {};
  const node = pod.spec?.nodeName;
  if (!node) throw new StatusError('BadRequest', `pod ${name} does not have a host assigned`);
  const { phase } = pod.status ?? {};
  if (phase === 'Succeeded' || phase === 'Failed') {
    throw new StatusError(
      'BadRequest',
      `cannot reach into a container of a completed pod; current phase is ${phase}`,
    );
  }
  return { pod, node, namespace, name, uid };
}
