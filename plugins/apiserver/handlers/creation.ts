import type { KubeObject, UserInfo } from 'orlop/plugin';
import { invalidObject } from '../resources/errors.ts';
import { applyDefaults, prepareForCreate, validateCreate } from '../resources/lifecycle.ts';
import type { GroupVersionKind, ResourceRow } from '../resources/types.ts';
import type { AdmissionAttributes, AdmissionStep } from './admission.ts';
import type { Call } from './call.ts';

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

/** What is asked of an object by a subresource of another kind, such as a Binding, passes admission too, `check` between the two steps. */
export async function admitPart(
  { api, exchange, row, path }: Call,
  part: { kind: GroupVersionKind; object: KubeObject; dryRun: boolean },
  check: () => void = () => {},
): Promise<void> {
  const { subresource = '', namespace, name = '' } = path;
  const about = { operation: 'CREATE', row, subresource, namespace, name, user: exchange.user } as const;
  const request = { ...about, ...part };
  await api.admission.mutate(request);
  check();
  await api.admission.validate(request);
}
