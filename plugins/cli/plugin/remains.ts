import { setTimeout as sleep } from 'node:timers/promises';

/** Milliseconds in which sockets and processes that were ended are gone. */
const PATIENCE = 2_000;

const EVENTS = ['uncaughtException', 'unhandledRejection'] as const;

/** What a plugin that shares this process does beside what it was called for. Nothing it throws ends the process meanwhile. */
export class Remains {
  /** Errors that nobody caught, each with the first place in its stack. */
  readonly uncaught: string[] = [];
  readonly #heard: (uncaught: string) => void;
  #before = count();
  readonly #note = (error: unknown): void => {
    const { message = String(error), stack = '' } = error instanceof Error ? error : {};
    const [place] = /(file:|\/)\S+?:\d+/.exec(stack.replace(message, '')) ?? [];
    // Without what marks the module's URL.
    const text = place === undefined ? message : `${message}, at ${place.replace(/[?#][^:]*/, '')}`;
    this.uncaught.push(text);
    this.#heard(text);
  };

  constructor(heard: (uncaught: string) => void = () => undefined) {
    this.#heard = heard;
    for (const event of EVENTS) process.on(event, this.#note);
  }

  /** What there is now is not the plugin's. */
  begin(): void {
    this.#before = count();
  }

  /** What would keep the process alive and did not before, by Node's names and how many; empty when all of it is gone, at the latest after a while. */
  async running(): Promise<string[]> {
    const deadline = performance.now() + PATIENCE;
    for (;;) {
      const more = [...count()].flatMap(([name, now]) => {
        const added = now - (this.#before.get(name) ?? 0);
        return added > 0 ? [`${added} ${name}`] : [];
      });
      if (more.length === 0 || performance.now() > deadline) return more;
      await sleep(20);
    }
  }

  close(): void {
    for (const event of EVENTS) process.off(event, this.#note);
  }
}

function count(): Map<string, number> {
  const counts = new Map<string, number>();
  for (const name of process.getActiveResourcesInfo()) counts.set(name, (counts.get(name) ?? 0) + 1);
  return counts;
}
