import { type Context, type Health, type Instance, provide, Runtimes } from 'orlop/plugin';
import type { Config } from './config.ts';
import { engineAddress, engineError, openEngine } from './engine.ts';
import { dockerRuntime } from './runtime.ts';

export async function start(ctx: Context<Config>): Promise<Instance> {
  const address = engineAddress(ctx.config.host);
  const engine = openEngine(address);
  let version: string;
  try {
    version = (await engine.version()).Version;
  } catch (error) {
    return ctx.skip(`no containers by Docker here: ${engineError(error, address).message}`);
  }
  const runtime = dockerRuntime({
    engine,
    address,
    version: `docker://${version}`,
    instance: ctx.kernel.id,
    log: ctx.log,
  });
  return {
    provides: [provide(Runtimes, runtime, runtime.handler)],
    async health(): Promise<Health> {
      try {
        await engine.ping();
        return { healthy: true };
      } catch (error) {
        return { healthy: false, message: engineError(error, address).message };
      }
    },
    stop: () => runtime.close(),
  };
}
