/** The process in which `orlop plugin test` runs a plugin with its suite: `node trialprocess.js PATH FOLDER SECONDS`. See `Told` for what it says. */
import { writeSync } from 'node:fs';
import { Worker } from 'node:worker_threads';
import { isStatus, type StatusReason } from 'orlop/plugin';
import { Remains } from './remains.ts';
import type { Watched } from './stuck.ts';
import { testPlugin } from './test.ts';

/** What is written to `PIPE`, a line of JSON each; the first of them says that the process is up. */
export interface Told {
  line?: string;
  /** An error that nobody caught, when it was thrown. */
  uncaught?: string;
  /** Where the thread is when it does not answer; empty: it does again. */
  stuck?: string;
  /** How it ended: the exit code. */
  verdict?: number;
  /** There is nothing to test, and why. */
  refused?: { reason?: StatusReason; message: string };
}

const PIPE = 3;
const BEAT_MS = 100;
const MOST_PATIENCE_MS = 5_000;

const [path = '', folder = '', seconds = ''] = process.argv.slice(2);
const tell = (told: Told): void => void writeSync(PIPE, `${JSON.stringify(told)}\n`);

// The nats-server is taken along by what the kernel does at the exit of a process.
process.once('SIGTERM', () => process.exit(1));
const beat = new Int32Array(new SharedArrayBuffer(4));
setInterval(() => Atomics.add(beat, 0, 1), BEAT_MS).unref();
const workerData: Watched = { beat, patience: Math.min(MOST_PATIENCE_MS, Number(seconds) * 250), pipe: PIPE };
new Worker(new URL('./stuck.js', import.meta.url), { workerData }).unref();

tell({});
const remains = new Remains((uncaught) => tell({ uncaught }));
const show = (line: string): void => {
  console.log(line);
  tell({ line });
};
try {
  tell({ verdict: await testPlugin(path, show, { remains, folder }) });
} catch (error) {
  if (process.env['ORLOP_DEBUG']) console.error(error);
  const message = error instanceof Error ? error.message : String(error);
  tell({ refused: isStatus(error) ? { reason: error.reason, message } : { message } });
}
// Whatever the plugin left running.
process.exit();
