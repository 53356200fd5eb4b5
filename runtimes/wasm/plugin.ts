import { type Context, type Instance, Lasting, provide, Runtimes } from 'orlop/plugin';
import { LivePods } from './live-pods.ts';
import { WasmRuntime } from './runtime.ts';

/** Of the handover: a ticket to the live pods of this process. */
const SCHEMA = 1;

export async function start(ctx: Context<Record<string, never>, Record<string, never>>): Promise<Instance> {
  const { schema, state } = ctx.inherited ?? {};
  const inherited = schema === SCHEMA ? Lasting.take<LivePods>(state) : undefined;
  const lasting = inherited ?? new Lasting(new LivePods(ctx.cacheDir));
  const live = lasting.value;
  ctx.defer(async () => {
    if (lasting.release()) await live.close();
  });
  const runtime = await WasmRuntime.open({ dataDir: ctx.dataDir, log: ctx.log, live });
  return {
    provides: [provide(Runtimes, runtime, runtime.handler)],
    drain: () => ({ schema: SCHEMA, state: lasting.offer() }),
    resume: () => lasting.withdraw(),
  };
}
