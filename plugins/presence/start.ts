import { randomUUID } from 'node:crypto';
import {
  type Context,
  type Instance,
  type Json,
  Lasting,
  type Member,
  PRESENCE,
  type Sign,
  timestamp,
} from 'orlop/plugin';
import type { Config } from './config.ts';

type Run = {
  session: string;
  started: string;
};

/** Of the handover: the run goes on, also for a successor that does not take the ticket. */
interface State {
  ticket: string;
  run: Run;
}

export function start(ctx: Context<Config>): Instance {
  const { bus, config, inherited, kernel } = ctx;
  const { ticket, run = { session: randomUUID(), started: timestamp() } } = (inherited?.state ??
    {}) as Partial<State>;
  // One that is unwound says no goodbye: its predecessor goes on.
  const lasting = Lasting.take<Run>(ticket) ?? new Lasting(run);
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
    if (lasting.release() && !isReplaced) bus.publish(PRESENCE.bye, member as unknown as Json);
  });
  return {
    drain() {
      isReplaced = true;
      return { schema: 1, state: { ticket: lasting.offer(), run } };
    },
    resume() {
      isReplaced = false;
      lasting.withdraw();
    },
  };
}
