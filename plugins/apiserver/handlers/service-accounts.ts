import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { type ObjectClient, type Pod, Pods, type ServiceAccount, ServiceAccounts } from 'orlop/plugin';
import { useServiceAccount } from '../resources/pods/account.ts';
import type { AdmissionStep } from './admission.ts';
import { forbidden } from './admission.ts';

const DEFAULT = 'default';
/** A new namespace has its account in a moment. */
const ATTEMPTS = 20;
const WAIT_MS = 50;

/** New pods get their account, its pull secrets and its token. Source: kubernetes `plugin/pkg/admission/serviceaccount`. */
export function serviceAccountAdmission(objects: ObjectClient): AdmissionStep {
  async function find(namespace: string, name: string): Promise<ServiceAccount | undefined> {
    for (let left = name === DEFAULT ? ATTEMPTS : 1; ; left -= 1) {
      const key = { namespace, name };
      const account =
        (await objects.get(ServiceAccounts, key, { revision: 0 })) ??
        (await objects.get(ServiceAccounts, key));
      if (account) return account.value;
      if (left <= 1) return undefined;
      await sleep(WAIT_MS);
    }
  }

  return {
    async mutate({ operation, row, subresource, namespace = '', name, object }) {
      if (operation !== 'CREATE' || subresource !== '' || row.group !== '' || row.resource !== Pods.resource)
        return;
      const pod = object as Pod;
      if (!pod.spec) return;
      const wanted = pod.spec.serviceAccountName || DEFAULT;
      const account = await find(namespace, wanted);
      if (account) return useServiceAccount(pod, account, randomUUID());
      const why = `error looking up service account ${namespace}/${wanted}: serviceaccount "${wanted}" not found`;
      throw forbidden(row, name, why);
    },
    async validate() {},
  };
}
