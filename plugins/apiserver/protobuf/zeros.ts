/**
 * Go writes a field that is no pointer even when it is zero, where JSON leaves it out; a pointer to zero is a value. The wire does not
 * tell them apart, so these are the numbers and booleans that are no pointers. Source: the Go types in k8s.io/api.
 */
const NOT_POINTERS = new Set([
  'count',
  'currentNumberScheduled',
  'deprecatedCount',
  'failureThreshold',
  'generation',
  'healthCheckNodePort',
  'hostIPC',
  'hostNetwork',
  'hostPID',
  'hostPort',
  'initialDelaySeconds',
  'minReadySeconds',
  'nodePort',
  'observedGeneration',
  'paused',
  'periodSeconds',
  'publishNotReadyAddresses',
  'readOnly',
  'stdin',
  'stdinOnce',
  'successThreshold',
  'timeoutSeconds',
  'tty',
  'unschedulable',
]);

/** Counts in a status are never pointers; a spec's replicas are. */
const STATUS_MESSAGE = /Status$/;

/** Strings that are pointers: empty means something. */
const STRING_POINTERS = new Set(['storageClassName', 'volumeAttributesClassName']);

export function isZeroByDefault(message: string, key: string, value: unknown): boolean {
  if (value === '') return !STRING_POINTERS.has(key);
  if (value !== 0 && value !== false) return false;
  return NOT_POINTERS.has(key) || (STATUS_MESSAGE.test(message) && typeof value === 'number');
}
