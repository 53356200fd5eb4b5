import type { KubeObject, UserInfo } from 'orlop/plugin';
import { invalidObject } from '../resources/errors.ts';
import { applyDefaults, prepareForCreate, validateCreate } from '../resources/lifecycle.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { AdmissionAttributes, AdmissionStep } from './admission.ts';

export interface Creation {
  row: ResourceRow;
  /** Has its name. */
  object: KubeObject;
  user: UserInfo;
  /** The plugin whose write it is, if it is one's. */
  writer?: string;
  dryRun: boolean;
}

/**
 * What every new object passes, in place: defaults, mutating admission, `prepare`, validation, validating admission. Throws what refuses it.
 * `prepare`: by default the strategy of its kind.
 */
export async function admitCreation(
  admission: AdmissionStep,
  { row, object, user, writer, dryRun }: Creation,
  prepare: () => void = () => prepareForCreate(row, object, user),
): Promise<void> {
  applyDefaults(row, object);
  const request: AdmissionAttributes = {
    operation: 'CREATE',
    row,
    subresource: '',
    namespace: object.metadata?.namespace,
    name: object.metadata?.name ?? '',
    object,
    user,
    ...(writer === undefined ? {} : { writer }),
    dryRun,
  };
  if (await admission.mutate(request)) applyDefaults(row, object);
  prepare();
  const errors = validateCreate(row, object);
  if (errors.length > 0) throw invalidObject(row, object.metadata?.name ?? '', errors);
  await admission.validate(request);
}
