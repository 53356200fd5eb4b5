import { randomUUID } from 'node:crypto';
import {
  type Context,
  type Instance,
  type Json,
  type Member,
  PRESENCE,
  type Sign,
  timestamp,
} from 'orlop/plugin';
import type { Config } from './config.ts';

export function start(ctx: Context<Config>): Instance {
  const { bus, config, inherited, kernel } = ctx;
  const before = inherited?.state as { session: string; started: string } | undefined;
  const run = before ?? { session: randomUUID(), started: timestamp() };
  const member: Member = {
    id: kernel.id,
    ...run,
    version: kernel.version,
    ...(kernel.node === undefined ? {} : { node: kernel.node }),
    roles: config.roles,
  };
  const interval = config.intervalSeconds * 1000;
  const sign: Sign = { member, interval };
  const announce = (): void => bus.publish(PRESENCE.here, sign as unknown as Json);
  bus.subscribe(PRESENCE.who, announce);
  announce();
  const timer = setInterval(announce, interval);
  let isReplaced = false;
  ctx.defer(() => {
    clearInterval(timer);
    if (!isReplaced) bus.publish(PRESENCE.bye, member as unknown as Json);
  });
  return {
    drain() {
      isReplaced = true;
      return { schema: 1, state: run };
    },
    resume() {
      isReplaced = false;
    },
  };
}
