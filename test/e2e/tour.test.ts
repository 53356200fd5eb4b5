/** Runs the README's tour and compares what each command prints with what the README says it prints. */
import { spawn, spawnSync } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readFileSync, rmSync, symlinkSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import t from 'tap';
import { kubectlPath } from '../kubectl.ts';
import { type Place, place, up } from './orlop.ts';

interface Step {
  command: string;
  expected: string;
}

const missing = process.env['CI'] || spawnSync('curl', ['--version']).status === 0 ? false : 'needs curl';

t.test("the README's tour is true", { skip: missing }, async (t) => {
  const readme = readFileSync(fileURLToPath(new URL('../../../README.md', import.meta.url)), 'utf8');
  const [start, ...steps] = tour(readme);
  t.equal(start?.command, 'npm start', 'the tour begins with npm start');
  const at = await place(t);
  const running = await up(t, at);
  const folder = `${at.data}-bin`;
  mkdirSync(folder);
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  symlinkSync(kubectlPath(), join(folder, 'kubectl'));

  t.equal(normal(running.output(), at), normal(start!.expected, at), 'npm start');
  const shell = new Shell(folder);
  t.teardown(() => shell.close());
  await shell.run(`export KUBECONFIG=${join(at.data, 'kubeconfig')}`);
  for (const { command, expected } of steps) {
    if (command.startsWith('export KUBECONFIG=')) continue;
    const printed = await shell.run(command.replaceAll(':8080', `:${at.ports.http}`));
    t.equal(normal(printed, at), normal(expected, at), command);
  }
});

/** The commands (`$ ...`) and their output in the README's `console` blocks. */
function tour(readme: string): Step[] {
  const steps: Step[] = [];
  for (const [, block] of readme.matchAll(/^```console\n(.*?)^```/gms)) {
    for (const part of block!.split(/^\$ /m).slice(1)) {
      const [command, ...output] = part.split('\n');
      steps.push({ command: command!, expected: output.join('\n') });
    }
  }
  return steps;
}

/** What differs from run to run made equal: names' random parts, addresses, ports, ages, paths, column widths. */
function normal(text: string, at: Place): string {
  return text
    .replaceAll(at.data, 'DATA')
    .replaceAll(/(~|\/\S+?)\/\.local\/share\/orlop/g, 'DATA')
    .replaceAll(/\b(hello-[a-z0-9]{6,10})-[a-z0-9]{5}\b/g, 'hello-HASH-XXXXX')
    .replaceAll(/\bhello-[a-z0-9]{6,10}\b/g, 'hello-HASH')
    .replaceAll(/\b\d+\.\d+\.\d+\.\d+\b/g, 'IP')
    .replaceAll(/:\d{4,5}\b/g, ':PORT')
    .replaceAll(/\b\d+(\.\d+)? ?m?s\b/g, 'TIME')
    .replaceAll(/\b(nats-server|engine|docker:\/\/|version) ?\d[\w.+~-]*/g, '$1 VERSION')
    .replaceAll(/\bnode-1\b|\blaptop\b/g, 'NODE')
    .replaceAll(/[ \t]+/g, ' ')
    .replaceAll(/ $/gm, '')
    .trim();
}

/** One bash for all steps, so that `export` and `cd` last. */
class Shell {
  #child;
  #printed = '';

  constructor(bin: string) {
    this.#child = spawn('bash', ['--noprofile', '--norc'], {
      env: { ...process.env, PATH: `${bin}:${dirname(process.execPath)}:${process.env['PATH']}` },
    });
    const keep = (chunk: Buffer): void => {
      this.#printed += chunk.toString();
    };
    this.#child.stdout.on('data', keep);
    this.#child.stderr.on('data', keep);
  }

  async run(command: string): Promise<string> {
    this.#printed = '';
    this.#child.stdin.write(`${command}\necho "--end--"\n`);
    const deadline = Date.now() + 60_000;
    while (!this.#printed.includes('--end--\n')) {
      if (Date.now() > deadline) throw new Error(`${command} did not end: ${this.#printed}`);
      await new Promise((resolve) => setTimeout(resolve, 20));
    }
    return this.#printed.replace('--end--\n', '');
  }

  async close(): Promise<void> {
    this.#child.stdin.end();
    await once(this.#child, 'exit');
  }
}
