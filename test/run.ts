/**
 * Runs every test file as a tap program, two at a time, and ends with what failed and the line `N passed, N failed`. Arguments pick
 * files by a part of their path: `npm test -- store scheduler`. A file named `*.alone.test.ts` runs by itself, after the others.
 */
import { spawn } from 'node:child_process';
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const JOBS = 2;
const TIMEOUT_MS = 300_000;

/** Of a failed assertion's explanation, shown again at the end. */
const LINES_AGAIN = 16;

interface Result {
  passed: number;
  failed: number;
  skipped: number;
}

const folder = dirname(fileURLToPath(import.meta.url));
const wanted = process.argv.slice(2);
const files = readdirSync(folder, { recursive: true, encoding: 'utf8' })
  .filter((file) => file.endsWith('.test.js'))
  .filter((file) => wanted.length === 0 || wanted.some((part) => file.includes(part)))
  .sort();
if (files.length === 0) {
  console.error(`no test file's path contains ${wanted.join(' or ')}`);
  process.exit(1);
}

const again: string[] = [];
const total: Result = { passed: 0, failed: 0, skipped: 0 };
const alone = files.filter((file) => file.endsWith('.alone.test.js'));
const queue = files.filter((file) => !alone.includes(file));
await Promise.all(Array.from({ length: JOBS }, () => drain(queue)));
await drain(alone);
for (const line of again) console.log(line);
console.log(
  `${total.passed} passed, ${total.failed} failed${total.skipped ? `, ${total.skipped} skipped` : ''}`,
);
process.exit(total.failed === 0 ? 0 : 1);

async function drain(pending: string[]): Promise<void> {
  for (let file = pending.shift(); file !== undefined; file = pending.shift()) {
    const result = await runFile(file);
    total.passed += result.passed;
    total.failed += result.failed;
    total.skipped += result.skipped;
  }
}

/** A file's top-level subtests are what is counted; one that ends badly without a failed subtest counts as a failure. */
async function runFile(file: string): Promise<Result> {
  const started = Date.now();
  const child = spawn(process.execPath, ['--enable-source-maps', join(folder, file)], {
    stdio: ['ignore', 'pipe', 'pipe'],
    env: { ...process.env, TAP_TIMEOUT: String(TIMEOUT_MS / 1000) },
    timeout: TIMEOUT_MS,
    killSignal: 'SIGKILL',
  });
  let output = '';
  const keep = (chunk: Buffer): void => {
    output += chunk.toString();
  };
  child.stdout.on('data', keep);
  child.stderr.on('data', keep);
  const ending = await new Promise<string>((resolve) => {
    child.once('close', (code, signal) => resolve(code === 0 ? '' : (signal ?? `exit code ${code}`)));
  });
  const lines = output.split('\n').filter((line) => /^(not )?ok \d+/.test(line));
  const result: Result = { passed: 0, failed: 0, skipped: 0 };
  for (const line of lines) {
    if (line.startsWith('not ok')) result.failed += 1;
    else if (/# SKIP/i.test(line)) result.skipped += 1;
    else result.passed += 1;
  }
  if (result.failed === 0 && (ending !== '' || lines.length === 0)) result.failed = 1;
  const verdict = result.failed === 0 ? 'ok' : 'FAILED';
  console.log(
    `${verdict} ${file} (${result.passed} passed, ${((Date.now() - started) / 1000).toFixed(1)} s) ${ending}`,
  );
  if (result.failed > 0) {
    console.log(output);
    again.push(`FAILED ${file} ${ending}`, ...failedAssertions(output));
  }
  return result;
}

/** Of a tap program's output: the failed assertions, innermost only, each with the beginning of its explanation; without any, the end. */
function failedAssertions(output: string): string[] {
  const lines = output.trimEnd().split('\n');
  const found = lines.flatMap((line, i) => {
    if (!/^ *not ok /.test(line) || /# time=/.test(line)) return [];
    const end = lines.findIndex((each, j) => j > i && /^ *(at:|\.\.\.$|(not )?ok )/.test(each));
    return lines.slice(i, Math.min(end < 0 ? lines.length : end, i + LINES_AGAIN));
  });
  return found.length > 0 ? found : lines.slice(-LINES_AGAIN);
}
