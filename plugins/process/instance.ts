import { fileURLToPath } from 'node:url';
import {
  type Context,
  type Handover,
  type Health,
  type Instance,
  isStatus,
  type Json,
  StatusError,
} from 'orlop/plugin';
import { ChildPeer } from './child.ts';
import { HostMethods } from './host-methods.ts';
import { type Ask, provisionsOf } from './kinds.ts';
import type { Manifest } from './manifest.ts';
import { type JsonObject, PROTOCOL, UnknownMethod } from './messages.ts';
import { LIMITS, type Peer, type PeerOptions } from './peer.ts';
import { RemotePeer } from './remote.ts';

/** Of the kernel's environment; anything else may be a secret of its own. */
const PASSED_ON = ['PATH', 'HOME', 'LANG', 'LC_ALL', 'TZ', 'TMPDIR'];

const START_MS = 60_000;
/** Milliseconds of a swap for `drain`, at most: its successor needs some, too. */
const DRAIN_MS = 5_000;

/** Starts the program, or greets the remote one, and stands in for it. `folder`: where the manifest is, and the program runs. */
export async function start(ctx: Context, manifest: Manifest, folder: string): Promise<Instance> {
  const label = `plugin "${ctx.plugin.name}" revision ${ctx.plugin.revision}`;
  const host = new HostMethods(ctx);
  const limits = { ...LIMITS, call: manifest.timeout ?? LIMITS.call };
  const serve: PeerOptions['serve'] = (method, params) => host.serve(method, params);
  const peer = open(ctx, manifest, folder, { label, log: ctx.log, serve, limits });
  ctx.defer(() => peer.close());
  host.connect((method, params, always) => peer.notify(method, params, always));
  // A program may have much to load, and the host has a deadline for it; of a remote one nobody would tell that it is gone.
  const patience = 'remote' in manifest.run ? limits.call : START_MS;
  const greeting = (await peer.call('initialize', greet(ctx, limits.message), patience)) as JsonObject | null;
  if (typeof greeting?.['skip'] === 'string') ctx.skip(greeting['skip']);
  if (greeting?.['protocol'] !== PROTOCOL)
    throw new StatusError(
      'Invalid',
      `initialize must answer { "protocol": ${PROTOCOL} }, not ${JSON.stringify(greeting)}`,
    );
  /** What its last call came to, as long as that was no use. */
  let trouble: string | undefined;
  const ask: Ask = async (method, params, problem) => {
    let result: Json;
    try {
      result = await peer.call(method, params);
    } catch (error) {
      if (isStatus(error, 'Timeout')) trouble = error.message;
      // A refusal is an answer; that too many wait for theirs is none.
      else if (!isStatus(error, 'TooManyRequests')) trouble = undefined;
      throw error;
    }
    const nonsense = problem?.(result);
    trouble = nonsense && `${label}: ${method} answered nonsense: ${nonsense}`;
    if (trouble !== undefined) throw new StatusError('InternalError', trouble);
    return result;
  };
  return {
    provides: provisionsOf(manifest, ask),
    failed: peer.failed,
    async health() {
      const health = (await unlessUnknown<Health>(peer, 'health')) ?? { healthy: true };
      if (typeof health.healthy !== 'boolean') {
        const answer = JSON.stringify(health).slice(0, 80);
        return { healthy: false, message: `${label}: health answered nonsense: ${answer}` };
      }
      if (!health.healthy) return health;
      return trouble === undefined ? { healthy: true } : { healthy: false, message: trouble };
    },
    async drain() {
      try {
        return await unlessUnknown<Handover>(peer, 'drain', Math.min(limits.call, DRAIN_MS));
      } catch (error) {
        if (!isStatus(error, 'Timeout', 'ServiceUnavailable')) throw error;
        // It hangs, or is gone: it would be restarted without its state, and must not hold up who takes its place.
        ctx.log.warn('leaves nothing to its successor', { error: error.message });
        return undefined;
      }
    },
    async resume() {
      await unlessUnknown(peer, 'resume');
    },
    stop: () => peer.close(),
  };
}

/** The `inherited` state is what the instance before it answered to `drain`. */
function greet(ctx: Context, messageBytes: number): JsonObject {
  const { plugin, kernel, config, dataDir, cacheDir, inherited = null } = ctx;
  return {
    protocol: PROTOCOL,
    plugin: { ...plugin },
    kernel: { ...kernel },
    config: config as Json,
    inherited: inherited as Json,
    dataDir,
    cacheDir,
    limits: { messageBytes },
  };
}

function open(ctx: Context, manifest: Manifest, folder: string, o: PeerOptions): Peer {
  const { run, environment, memory } = manifest;
  if ('remote' in run) {
    const session = `${ctx.kernel.id}-${ctx.plugin.revision}`;
    return new RemotePeer({ ...o, bus: ctx.bus, subject: run.remote, session });
  }
  const env: Record<string, string> = { ORLOP_PLUGIN: ctx.plugin.name };
  for (const name of PASSED_ON) if (process.env[name] !== undefined) env[name] = process.env[name];
  const command =
    'component' in run
      ? [
          process.execPath,
          fileURLToPath(new URL('./component/main.js', import.meta.url)),
          manifest.kind,
          run.component,
        ]
      : run.command;
  return new ChildPeer({ ...o, command, cwd: folder, env: { ...env, ...environment }, memory });
}

/** `undefined` from a plugin that does not have the method, which is fine, or answers null. */
async function unlessUnknown<T>(peer: Peer, method: string, ms?: number): Promise<T | undefined> {
  try {
    return ((await peer.call(method, {}, ms)) as T | null) ?? undefined;
  } catch (error) {
    if (error instanceof UnknownMethod) return undefined;
    throw error;
  }
}
