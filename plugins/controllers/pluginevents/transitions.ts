import { type EventDetails, isPluginRunning, type PluginInstance } from 'orlop/plugin';

/** An instance as far as Events tell of it. */
export type Seen = Pick<
  PluginInstance,
  | 'node'
  | 'phase'
  | 'reason'
  | 'revision'
  | 'version'
  | 'healthy'
  | 'restarts'
  | 'message'
  | 'lastError'
  | 'refused'
>;

interface Transition {
  /** Absent: it is seen for the first time, or there was none. */
  before: Seen | undefined;
  /** Absent: there is none any more. */
  now: Seen | undefined;
  /** A kernel's own plugin starts and stops with the kernel, which is nothing to tell. */
  isOwn: boolean;
}

/** What there is to tell of a change to one instance, in the words that kubelet has for containers. */
export function transitions({ before, now, isOwn }: Transition): EventDetails[] {
  if (!now) return isOwn ? [] : killing(before);
  const restarted = before !== undefined && (now.restarts ?? 0) > (before.restarts ?? 0);
  return [
    ...failure(before, now, restarted),
    ...refusal(before, now),
    ...progress({ before, now, isOwn }, restarted),
    ...health(before, now),
  ];
}

function failure(before: Seen | undefined, now: Seen, restarted: boolean): EventDetails[] {
  const { phase, reason, refused, lastError } = now;
  const isFailed = phase === 'Failed' || reason === 'CrashLoopBackOff';
  const hasFailed = before?.phase === 'Failed' || before?.reason === 'CrashLoopBackOff';
  const isHeld = reason === 'CrashLoopBackOff';
  const isNew = isFailed && !hasFailed && (refused === undefined || isHeld);
  // A failure that is over is told of only when it has not been seen itself.
  const isMissed = restarted && (isFailed || !hasFailed);
  if (lastError === undefined || (!isNew && !isMissed)) return [];
  return [
    warning('Failed', lastError),
    ...(isFailed
      ? [warning('BackOff', `Back-off restarting failed ${isHeld ? `plugin${at(now)}` : of(now)}`)]
      : []),
  ];
}

function refusal(before: Seen | undefined, { refused, reason }: Seen): EventDetails[] {
  if (refused === undefined || refused === before?.refused || reason === 'CrashLoopBackOff') return [];
  return [warning('Refused', refused)];
}

function progress({ before, now, isOwn }: Transition & { now: Seen }, restarted: boolean): EventDetails[] {
  const { phase, revision = 0, version, message } = now;
  const wasRunning = before !== undefined && isPluginRunning(before);
  if (!isPluginRunning(now)) {
    if (isOwn || phase === before?.phase) return [];
    if (phase === 'Skipped') return [normal('Skipped', message ?? 'no reason given')];
    return phase === 'Stopped' ? killing(before) : [];
  }
  const from = before?.revision ?? 0;
  if (wasRunning && !restarted && revision > from) {
    const old = `revision ${from} (version ${before.version})`;
    return [normal('Swapped', `Swapped ${old} for revision ${revision} (version ${version})${at(now)}`)];
  }
  const isAnother = !wasRunning || restarted || revision !== from;
  const isTold = !isOwn || restarted || before?.phase === 'Failed';
  return isAnother && isTold ? [normal('Started', `Started ${of(now)}`)] : [];
}

function health(before: Seen | undefined, now: Seen): EventDetails[] {
  const isUnwell = (seen: Seen): boolean => isPluginRunning(seen) && seen.healthy === false;
  if (!isUnwell(now) || (before && isUnwell(before))) return [];
  return [warning('Unhealthy', `Health check failed: ${now.message ?? 'no reason given'}`)];
}

/** Where its object was refused what runs is another, which goes on. */
function killing(before: Seen | undefined): EventDetails[] {
  const isUp = before && (isPluginRunning(before) || before.phase === 'Starting');
  return isUp && before.refused === undefined ? [normal('Killing', `Stopping ${of(before)}`)] : [];
}

/** E.g. `plugin revision 2 (version 0.1.0) on node a`. */
function of(seen: Seen): string {
  const { revision, version } = seen;
  return `plugin${revision ? ` revision ${revision} (version ${version})` : ''}${at(seen)}`;
}

function at({ node }: Seen): string {
  return node === undefined ? '' : ` on node ${node}`;
}

function normal(reason: string, message: string): EventDetails {
  return { type: 'Normal', reason, message };
}

function warning(reason: string, message: string): EventDetails {
  return { type: 'Warning', reason, message };
}
