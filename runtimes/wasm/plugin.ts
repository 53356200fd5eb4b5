import { type Context, type Instance, provide, Runtimes } from 'orlop/plugin';
import { LivePods } from './live-pods.ts';
import { WasmRuntime } from './runtime.ts';

/** Of the handover: a ticket to the live pods of this process. */
const SCHEMA = 1;

export async function start(ctx: Context<Record<string, never>, Record<string, never>>): Promise<Instance> {
  const inherited = ctx.inherited?.schema === SCHEMA ? LivePods.take(ctx.inherited.state) : undefined;
  const live = inherited ?? new LivePods(ctx.cacheDir);
  ctx.defer(() => live.release());
  const runtime = await WasmRuntime.open({ dataDir: ctx.dataDir, log: ctx.log, live });
  return {
    provides: [provide(Runtimes, runtime, runtime.handler)],
    drain: () => ({ schema: SCHEMA, state: live.offer() }),
    resume: () => live.withdraw(),
  };
}
