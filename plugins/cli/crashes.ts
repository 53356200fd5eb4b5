import { createHash } from 'node:crypto';
import { existsSync, readFileSync } from 'node:fs';
import { type Logger, type PluginInstance, type PluginObject, writePrivate } from 'orlop/plugin';
import type { Crashes } from '../../kernel/kernel.ts';

/** Deaths of the process in a row by one plugin, after which that is left out. */
const IN_A_ROW = 3;

/** Milliseconds it is left out: doubled with each death more. What ran fine for that long begins anew. Source: kubelet's `backOffPeriod`, `MaxContainerBackOff` and `backoff` package. */
const FIRST = 10_000;
const LONGEST = 300_000;
const FINE = 2 * LONGEST;

/** Characters of an error that are kept. */
const ERROR_LENGTH = 1_024;

interface Crash {
  /** Digest of the spec with which it died last. */
  spec: string;
  error: string;
  /** Since its object is there. */
  deaths: number;
  inARow: number;
  /** Of the last, milliseconds since 1970. */
  at: number;
  /** Milliseconds it is left out by the processes that come after, and until when: 0 as long as none of them was ready. */
  wait: number;
  until: number;
}

type Spec = PluginObject['spec'];

/**
 * The plugins that end the process by errors nobody caught, kept in a file across its deaths. One that does so several times in a row is left out
 * of the process that comes back for a while, as kubelet does with containers, so that the rest can run and the plugin be mended or deleted.
 */
export class CrashLoops implements Crashes {
  readonly #file: string;
  readonly #log: Pick<Logger, 'warn'>;
  readonly #crashes: Map<string, Crash>;
  /** Those that were left out when they were asked for last. */
  readonly #heldBack = new Set<string>();

  /** `file`: made when there is something to remember. */
  constructor(file: string, log: Pick<Logger, 'warn'>) {
    this.#file = file;
    this.#log = log;
    this.#crashes = this.#read();
  }

  /** This process is about to end because of the plugin: it counts from the next on. Whether that leaves it out. */
  record(name: string, spec: Spec, error: string, now = Date.now()): boolean {
    const before = this.#crashes.get(name);
    const digest = digestOf(spec);
    const isInARow = before?.spec === digest && now - Math.max(before.at, before.until) < FINE;
    const inARow = isInARow ? before.inARow + 1 : 1;
    const wait = inARow < IN_A_ROW ? 0 : Math.min(LONGEST, FIRST * 2 ** (inARow - IN_A_ROW));
    const deaths = (before?.deaths ?? 0) + 1;
    const crash: Crash = {
      spec: digest,
      error: error.slice(0, ERROR_LENGTH),
      deaths,
      inARow,
      at: now,
      wait,
      until: 0,
    };
    this.#write(new Map(this.#crashes).set(name, crash));
    return wait > 0;
  }

  held(name: string, spec: Spec | undefined, now = Date.now()): string | undefined {
    const crash = this.#crashes.get(name);
    this.#heldBack.delete(name);
    if (!crash) return undefined;
    const digest = spec && digestOf(spec);
    if (crash.spec !== digest) {
      if (digest === undefined) this.#crashes.delete(name);
      else Object.assign(crash, { spec: digest, inARow: 0, wait: 0, until: 0 });
      this.#write();
      return undefined;
    }
    if (!isHeld(crash, now)) return undefined;
    this.#heldBack.add(name);
    if (crash.until === 0) {
      crash.until = now + crash.wait;
      this.#write();
    }
    const until = new Date(crash.until).toISOString().replace(/\.\d+/, '');
    const why = `it ended the process ${crash.inARow} times in a row, last by: ${crash.error}`;
    return `back-off ${durationOf(crash.wait)} restarting failed plugin "${name}": ${why}; it is left out until ${until}, or its spec is changed`;
  }

  /** The names of those that are left out now, if their objects are as they were. */
  leftOut(now = Date.now()): string[] {
    return [...this.#crashes].flatMap(([name, crash]) => (isHeld(crash, now) ? [name] : []));
  }

  /** When it was let in again after it had been left out, milliseconds since 1970; 0 if never. */
  backSince(name: string): number {
    return this.#crashes.get(name)?.until ?? 0;
  }

  past(name: string): Pick<PluginInstance, 'restarts' | 'lastError' | 'reason'> {
    const crash = this.#crashes.get(name);
    if (!crash) return {};
    const reason = this.#heldBack.has(name) ? { reason: 'CrashLoopBackOff' } : {};
    return { restarts: crash.deaths, lastError: `ended the process: ${crash.error}`, ...reason };
  }

  /** What cannot be read or written is forgotten: the worst of that is some deaths more. */
  #read(): Map<string, Crash> {
    if (!existsSync(this.#file)) return new Map();
    try {
      return new Map(Object.entries(JSON.parse(readFileSync(this.#file, 'utf8')) as Record<string, Crash>));
    } catch (error) {
      this.#log.warn(`cannot read ${this.#file}, which plugins ended the process`, { error: String(error) });
      return new Map();
    }
  }

  #write(crashes = this.#crashes): void {
    try {
      writePrivate(this.#file, JSON.stringify(Object.fromEntries(crashes)));
    } catch (error) {
      this.#log.warn(`cannot write ${this.#file}, which plugins ended the process`, { error: String(error) });
    }
  }
}

function isHeld({ wait, until }: Crash, now: number): boolean {
  // A clock that was set back must not keep it out for longer.
  return wait > 0 && (until === 0 || (until - wait <= now && now < until));
}

/** As Kubernetes prints it, e.g. `1m20s`. */
function durationOf(ms: number): string {
  const seconds = ms / 1_000;
  return seconds < 60 ? `${seconds}s` : `${Math.floor(seconds / 60)}m${seconds % 60}s`;
}

function digestOf(spec: Spec): string {
  return createHash('sha256').update(JSON.stringify(spec)).digest('hex');
}
