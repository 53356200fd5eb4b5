import { findCondition, type Node } from 'orlop/plugin';
import { ageColumn, column, nameColumn } from '../resources/row.ts';
import type { Column } from '../resources/types.ts';

const ROLE_PREFIX = 'node-role.kubernetes.io/';
const ROLE_LABEL = 'kubernetes.io/role';

function statusOf({ spec, status }: Node): string {
  const ready = findCondition(status?.conditions, 'Ready');
  const text = ready === undefined ? 'Unknown' : ready.status === 'True' ? 'Ready' : 'NotReady';
  return spec?.unschedulable ? `${text},SchedulingDisabled` : text;
}

function roles({ metadata }: Node): string {
  const found = Object.entries(metadata?.labels ?? {}).flatMap(([key, value]) => {
    if (key.startsWith(ROLE_PREFIX))
      return key.length > ROLE_PREFIX.length ? [key.slice(ROLE_PREFIX.length)] : [];
    return key === ROLE_LABEL && value !== '' ? [value] : [];
  });
  return [...new Set(found)].sort().join(',') || '<none>';
}

function address({ status }: Node, type: string): string {
  return status?.addresses?.find((each) => each.type === type)?.address ?? '<none>';
}

const UNKNOWN = '<unknown>';

/** Source: kubernetes `printers/internalversion/printers.go`, printNode. */
export const nodeColumns: readonly Column<Node>[] = [
  nameColumn,
  column('Status', statusOf),
  column('Roles', roles),
  ageColumn,
  column('Version', ({ status }) => status?.nodeInfo?.kubeletVersion ?? ''),
  column('Internal-IP', (node) => address(node, 'InternalIP'), { wide: true }),
  column('External-IP', (node) => address(node, 'ExternalIP'), { wide: true }),
  column('OS-Image', ({ status }) => status?.nodeInfo?.osImage || UNKNOWN, { wide: true }),
  column('Kernel-Version', ({ status }) => status?.nodeInfo?.kernelVersion || UNKNOWN, { wide: true }),
  column('Container-Runtime', ({ status }) => status?.nodeInfo?.containerRuntimeVersion || UNKNOWN, {
    wide: true,
  }),
];
