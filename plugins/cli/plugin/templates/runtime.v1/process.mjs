import { execFile, spawn } from 'node:child_process';
import { EventEmitter, once } from 'node:events';
import { createInterface } from 'node:readline';
import { promisify } from 'node:util';
import { StatusError } from 'orlop/plugin';

/** @import { ContainerConfig, ContainerState, ExecResult, LogLine, LogOptions } from 'orlop/plugin' */

const run = promisify(execFile);

/** One container: a process, and what it wrote. */
export class Process {
  /** @type {ContainerState} */
  state;
  #config;
  #tell;
  /** @type {import('node:child_process').ChildProcess | undefined} */
  #child;
  /** @type {LogLine[]} */
  #lines = [];
  /** Tells of lines and of the end. */
  #news = new EventEmitter().setMaxListeners(0);

  /** @param {string} id @param {ContainerConfig} config @param {(type: 'started' | 'exited') => void} tell */
  constructor(id, config, tell) {
    const { container, attempt, imageId } = config;
    this.#config = config;
    this.#tell = tell;
    this.state = {
      id,
      name: container.name,
      attempt,
      state: 'Created',
      imageId,
      image: container.image ?? '',
    };
  }

  start() {
    const { name, state, image } = this.state;
    if (state !== 'Created')
      throw new StatusError('Conflict', `container "${name}" was started before; create a new one`);
    const { command = [image], args = [], container } = this.#config;
    const [program = image, ...rest] = [...command, ...args];
    // Detached: a process group of its own, which ends as a whole.
    const child = spawn(program, rest, {
      ...this.#surroundings(),
      cwd: container.workingDir,
      detached: true,
    });
    this.#child = child;
    this.state = { ...this.state, state: 'Running', startedAt: new Date().toISOString() };
    for (const stream of /** @type {const} */ (['stdout', 'stderr'])) {
      createInterface({ input: child[stream] }).on('line', (line) => {
        this.#lines.push({ time: new Date().toISOString(), stream, data: Buffer.from(`${line}\n`) });
        this.#news.emit('news');
      });
    }
    child.once('error', (error) => this.#ended(128, error.message));
    child.once('close', (code, signal) => this.#ended(code ?? (signal === 'SIGKILL' ? 137 : 143)));
    this.#tell('started');
  }

  /** SIGTERM, then SIGKILL. Returns when it has ended. @param {number} timeout seconds */
  async stop(timeout) {
    if (this.state.state === 'Created') this.#ended(0);
    if (this.state.state === 'Exited') return;
    this.#kill(timeout > 0 ? 'SIGTERM' : 'SIGKILL');
    const late = setTimeout(() => this.#kill('SIGKILL'), timeout * 1000);
    while (!this.#hasEnded()) await once(this.#news, 'news');
    clearTimeout(late);
  }

  /** @param {LogOptions} options */
  async *log({ follow, tailLines, since = '', signal }) {
    const from = Date.parse(since) || 0;
    let next = tailLines === undefined ? 0 : Math.max(0, this.#lines.length - tailLines);
    while (!signal?.aborted) {
      const line = this.#lines[next];
      if (line) {
        next += 1;
        if (Date.parse(line.time) >= from) yield line;
      } else if (!follow || this.state.state === 'Exited') {
        return;
      } else {
        await once(this.#news, 'news', signal ? { signal } : {}).catch(() => undefined);
      }
    }
  }

  /** @param {readonly string[]} command @param {number} timeout seconds @returns {Promise<ExecResult>} */
  async exec([program = '', ...args], timeout) {
    if (this.state.state !== 'Running')
      throw new StatusError('Conflict', `container "${this.state.name}" is not running`);
    const options = {
      ...this.#surroundings(),
      timeout: timeout * 1000,
      encoding: /** @type {const} */ ('buffer'),
    };
    try {
      return { exitCode: 0, ...(await run(program, args, options)) };
    } catch (error) {
      const { code, stdout, stderr, message } = /** @type {any} */ (error);
      if (typeof code !== 'number') throw new StatusError('InternalError', `${program}: ${message}`);
      return { exitCode: code, stdout, stderr };
    }
  }

  /** What it is given, and nothing of this process. */
  #surroundings() {
    return { env: Object.fromEntries(this.#config.env.map(({ name, value }) => [name, value])) };
  }

  #hasEnded() {
    return this.state.state === 'Exited';
  }

  /** @param {NodeJS.Signals} signal */
  #kill(signal) {
    try {
      process.kill(-(this.#child?.pid ?? Number.NaN), signal);
    } catch {
      // It has just ended.
    }
  }

  /** @param {number} exitCode @param {string} [message] */
  #ended(exitCode, message) {
    if (this.#hasEnded()) return;
    const finishedAt = new Date().toISOString();
    const reason = message ? 'StartError' : exitCode === 0 ? 'Completed' : 'Error';
    const { startedAt = finishedAt } = this.state;
    this.state = { ...this.state, state: 'Exited', startedAt, finishedAt, exitCode, reason };
    if (message) this.state.message = message;
    this.#news.emit('news');
    this.#tell('exited');
  }
}
