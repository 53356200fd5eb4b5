import { conflict, type KubeObject, notFound, type Pod, timestamp, withCondition } from 'orlop/plugin';
import { writeOptions } from '../http/options.ts';
import { invalidObject, required, unsupported } from '../resources/errors.ts';
import { type Call, keyOfPath } from './call.ts';
import { admitPart } from './creation.ts';
import { decodeBody } from './decode.ts';

export const CREATED = {
  kind: 'Status',
  apiVersion: 'v1',
  metadata: {},
  status: 'Success',
  code: 201,
} as const;

const BINDING = { group: '', version: 'v1', kind: 'Binding' };

interface Binding extends KubeObject {
  target?: { kind?: string; name?: string };
}

/** POST of a Binding to a pod: what a scheduler does. Source: pod `BindingREST.setPodHostAndAnnotations`. */
export async function bindPod(call: Call): Promise<void> {
  const { api, exchange, row } = call;
  const options = writeOptions(exchange.query, exchange.header('user-agent'));
  const binding: Binding = await decodeBody(call, BINDING, options.fieldValidation);
  await admitPart(call, { kind: BINDING, object: binding, dryRun: options.dryRun }, () => {
    const { kind = '', name = '' } = binding.target ?? {};
    if (kind !== '' && kind !== 'Node')
      throw invalidObject(BINDING, '', [unsupported('target.kind', kind, ['Node', '<empty>'])]);
    if (name === '') throw invalidObject(BINDING, '', [required('target.name')]);
  });
  const key = keyOfPath(call);
  const bind = (pod: Pod): void => {
    const { uid } = binding.metadata ?? {};
    if (uid && uid !== pod.metadata?.uid) {
      throw conflict(
        row,
        key.name,
        `Precondition failed: UID in precondition: ${uid}, UID in object meta: ${pod.metadata?.uid}`,
      );
    }
    if (pod.metadata?.deletionTimestamp)
      throw conflict(row, key.name, `pod ${key.name} is being deleted, cannot be assigned to a host`);
    if (pod.spec?.nodeName)
      throw conflict(
        row,
        key.name,
        `pod ${key.name} is already assigned to node ${JSON.stringify(pod.spec.nodeName)}`,
      );
    const condition = { type: 'PodScheduled', status: 'True', lastTransitionTime: timestamp() };
    const status = { ...pod.status, conditions: [...withCondition(pod.status?.conditions, condition)] };
    pod.spec!.nodeName = binding.target!.name!;
    Object.assign(pod, { status });
  };
  if (options.dryRun) {
    const stored = await api.objects.get(row.storage, key);
    if (!stored) throw notFound(row, key.name);
    bind(structuredClone(stored.value) as Pod);
  } else await api.objects.modify(row.storage, key, (draft) => bind(draft as Pod));
  await exchange.json(201, CREATED);
}
