import type {
  APIService,
  CertificateSigningRequest,
  KubeObject,
  MutatingAdmissionPolicy,
  MutatingAdmissionPolicyBinding,
  PriorityClass,
  ResourceQuota,
  RoleBinding,
  Subject,
  ValidatingAdmissionPolicy,
  ValidatingAdmissionPolicyBinding,
} from 'orlop/plugin';
import { ageColumn, column, nameColumn } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';
import { humanDuration } from './duration.ts';

const NONE = '<none>';
const UNSET = '<unset>';

/** The moment itself, where upstream shows no age. Source of all: kubernetes `printers/internalversion/printers.go`. */
export const createdColumns: readonly Column<KubeObject>[] = [
  nameColumn,
  column('Created At', ({ metadata }) => metadata?.creationTimestamp ?? ''),
];

function namesOf(subjects: readonly Subject[] | undefined, kind: string): string {
  return (subjects ?? [])
    .filter((subject) => subject.kind === kind)
    .map(({ name, namespace }) => (kind === 'ServiceAccount' ? `${namespace ?? ''}/${name}` : name))
    .join(', ');
}

export const roleBindingColumns: readonly Column<Pick<RoleBinding, 'roleRef' | 'subjects'>>[] = [
  column('Role', ({ roleRef }) => `${roleRef?.kind}/${roleRef?.name}`),
  column('Users', ({ subjects }) => namesOf(subjects, 'User'), { wide: true }),
  column('Groups', ({ subjects }) => namesOf(subjects, 'Group'), { wide: true }),
  column('ServiceAccounts', ({ subjects }) => namesOf(subjects, 'ServiceAccount'), { wide: true }),
];

/** `cpu: 1/2, memory: 1Gi/2Gi`: what is used of what is allowed. */
function amounts({ status, spec }: ResourceQuota, isLimit: boolean): string {
  return Object.entries(spec?.hard ?? {})
    .filter(([name]) => name.startsWith('limits.') === isLimit)
    .sort(([a], [b]) => (a < b ? -1 : 1))
    .map(([name, hard]) => `${name}: ${status?.used?.[name] ?? '0'}/${hard}`)
    .join(', ');
}

export const resourceQuotaColumns: readonly Column<ResourceQuota>[] = [
  column('Request', (quota) => amounts(quota, false)),
  column('Limit', (quota) => amounts(quota, true)),
];

export const priorityClassColumns: readonly Column<PriorityClass>[] = [
  nameColumn,
  column('Value', ({ value }) => value ?? 0, { type: 'integer' }),
  column('Global-Default', ({ globalDefault }) => globalDefault ?? false, { type: 'boolean' }),
  ageColumn,
  column('PreemptionPolicy', ({ preemptionPolicy }) => preemptionPolicy ?? ''),
];

function conditionOf({ status }: CertificateSigningRequest): string {
  const types = (status?.conditions ?? []).map(({ type }) => type);
  const text = types.includes('Denied') ? 'Denied' : types.includes('Approved') ? 'Approved' : 'Pending';
  return [
    text,
    ...(types.includes('Failed') ? ['Failed'] : []),
    ...(status?.certificate ? ['Issued'] : []),
  ].join(',');
}

export const signingRequestColumns: readonly Column<CertificateSigningRequest>[] = [
  nameColumn,
  ageColumn,
  column('SignerName', ({ spec }) => spec?.signerName ?? ''),
  column('Requestor', ({ spec }) => spec?.username ?? ''),
  column('RequestedDuration', ({ spec }) =>
    spec?.expirationSeconds === undefined ? NONE : humanDuration(spec.expirationSeconds * 1000),
  ),
  column('Condition', conditionOf),
];

export const webhookColumns: readonly Column<{ webhooks?: readonly unknown[] }>[] = [
  column('Webhooks', ({ webhooks }) => webhooks?.length ?? 0, { type: 'integer' }),
];

const paramKindColumn = column<ValidatingAdmissionPolicy | MutatingAdmissionPolicy>(
  'ParamKind',
  ({ spec }) => {
    const { apiVersion, kind } = spec?.paramKind ?? {};
    return kind === undefined ? UNSET : `${apiVersion}/${kind}`;
  },
);

export const admissionPolicyColumns: readonly Column<ValidatingAdmissionPolicy>[] = [
  column('Validations', ({ spec }) => spec?.validations?.length ?? 0, { type: 'integer' }),
  paramKindColumn,
];

export const mutatingPolicyColumns: readonly Column<MutatingAdmissionPolicy>[] = [
  column('Mutations', ({ spec }) => spec?.mutations?.length ?? 0, { type: 'integer' }),
  paramKindColumn,
];

export const policyBindingColumns: readonly Column<
  ValidatingAdmissionPolicyBinding | MutatingAdmissionPolicyBinding
>[] = [
  column('PolicyName', ({ spec }) => spec?.policyName ?? ''),
  column('ParamRef', ({ spec }) => {
    const { namespace, name, selector } = spec?.paramRef ?? {};
    if (name) return `${namespace ?? '*'}/${name}`;
    return selector ? `${namespace ?? '*'}/*` : UNSET;
  }),
];

export const apiServiceColumns: readonly Column<APIService>[] = [
  column('Service', ({ spec }) =>
    spec?.service ? `${spec.service.namespace}/${spec.service.name}` : 'Local',
  ),
  column('Available', ({ status }) => {
    const { status: available = 'Unknown', reason } =
      status?.conditions?.find(({ type }) => type === 'Available') ?? {};
    return available === 'True' || !reason ? available : `${available} (${reason})`;
  }),
];
