import { type Pod, type Taint, type Toleration, tolerates } from 'orlop/plugin';
import { NOT_READY, UNREACHABLE } from './health.ts';

/** As the API server's admission adds to pods that do not say. Source: upstream's `DefaultTolerationSeconds`. */
const DEFAULT_SECONDS = 300;

/**
 * When a pod has to leave a node with these NoExecute taints, in milliseconds since the epoch; `undefined`: never. `notBefore` is the
 * earliest a silent node may be held against its pods: after a start of the whole cluster nodes need time to report.
 */
export function evictionTime(pod: Pod, taints: readonly Taint[], notBefore: number): number | undefined {
  const noExecute = taints.filter((taint) => taint.effect === 'NoExecute');
  const tolerations = withDefaults(pod.spec?.tolerations ?? []);
  let earliest: number | undefined;
  for (const taint of noExecute) {
    const matching = tolerations.filter((toleration) => tolerates(toleration, taint));
    const ours = taint.key === NOT_READY || taint.key === UNREACHABLE;
    const added = Date.parse(taint.timeAdded ?? '') || 0;
    const at = Math.max(added + secondsTolerated(matching) * 1000, ours ? notBefore : 0);
    if (Number.isFinite(at)) earliest = Math.min(earliest ?? at, at);
  }
  return earliest;
}

/** The shortest of the tolerations; forever when none is limited, not at all when there is none. */
function secondsTolerated(matching: readonly Toleration[]): number {
  if (matching.length === 0) return 0;
  const limited = matching.flatMap((toleration) => toleration.tolerationSeconds ?? []);
  return limited.length === 0 ? Number.POSITIVE_INFINITY : Math.max(0, Math.min(...limited));
}

function withDefaults(tolerations: readonly Toleration[]): readonly Toleration[] {
  const missing = [NOT_READY, UNREACHABLE].filter(
    (key) => !tolerations.some((toleration) => tolerates(toleration, { key, effect: 'NoExecute' })),
  );
  const defaults = missing.map((key) => ({
    key,
    operator: 'Exists',
    effect: 'NoExecute',
    tolerationSeconds: DEFAULT_SECONDS,
  }));
  return [...tolerations, ...defaults];
}
