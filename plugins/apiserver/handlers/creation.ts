import type { KubeObject, UserInfo } from 'orlop/plugin';
import { invalidObject } from '../resources/errors.ts';
import { applyDefaults, prepareForCreate, validateCreate } from '../resources/lifecycle.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { Admission, AdmissionRequest } from './admission.ts';

export interface Creation {
  row: ResourceRow;
  /** Has its name. */
  object: KubeObject;
  user: UserInfo;
  dryRun: boolean;
}

/**
 * What every new object passes, in place: defaults, mutating admission, `prepare`, validation, validating admission. Throws what refuses it.
 * `prepare`: by default the strategy of its kind.
 */
export async function admitCreation(
  admission: Admission,
  { row, object, user, dryRun }: Creation,
  prepare: () => void = () => prepareForCreate(row, object, user),
): Promise<void> {
  applyDefaults(row, object);
  const request: AdmissionRequest = {
    operation: 'CREATE',
    row,
    subresource: '',
    namespace: object.metadata?.namespace,
    name: object.metadata?.name ?? '',
    object,
    user,
    dryRun,
  };
  await admission.mutate(request);
  prepare();
  const errors = validateCreate(row, object);
  if (errors.length > 0) throw invalidObject(row, object.metadata?.name ?? '', errors);
  await admission.validate(request);
}
