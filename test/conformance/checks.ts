import { isDeepStrictEqual } from 'node:util';

type Cleanup = () => unknown;

/** What a suite needs of a test: tap has all of it, and `runChecks` where there is no tap. */
export interface Checks {
  test(name: string, run: (t: Checks) => Promise<void>): Promise<unknown>;
  ok(value: unknown, what?: string): unknown;
  notOk(value: unknown, what?: string): unknown;
  /** By `===`. */
  equal(found: unknown, wanted: unknown, what?: string): unknown;
  not(found: unknown, unwanted: unknown, what?: string): unknown;
  /** Deeply. */
  same(found: unknown, wanted: unknown, what?: string): unknown;
  /** `pattern`: a RegExp, a constructor, a value, or an object of patterns for some properties. */
  match(found: unknown, pattern: unknown, what?: string): unknown;
  rejects(promise: Promise<unknown>, pattern: object, what?: string): Promise<unknown>;
  throws(run: () => unknown, pattern: object, what?: string): unknown;
  pass(what?: string): unknown;
  fail(what?: string): unknown;
  teardown(cleanup: Cleanup): unknown;
}

/** How much of a value is told, in characters. */
const SHOWN = 1_000;

/** Runs checks and tells each outcome in a line. Returns how many failed. */
export async function runChecks(
  name: string,
  run: (t: Checks) => Promise<void>,
  tell: (line: string) => void,
): Promise<number> {
  const outcome = { failed: 0 };
  await group(name, run, tell, '', outcome);
  return outcome.failed;
}

async function group(
  name: string,
  run: (t: Checks) => Promise<void>,
  tell: (line: string) => void,
  indent: string,
  outcome: { failed: number },
): Promise<void> {
  tell(`${indent}${name}`);
  const inner = `${indent}  `;
  const cleanups: Cleanup[] = [];
  const check = (holds: boolean, what = 'holds', problem?: () => string): boolean => {
    if (!holds) outcome.failed += 1;
    tell(`${inner}${holds ? 'ok    ' : 'FAILED'} ${what}${holds || !problem ? '' : `: ${problem()}`}`);
    return holds;
  };
  const thrown = (error: unknown, pattern: object, what?: string): boolean =>
    check(matches(error, pattern), what ?? 'is refused', () => `not as it should be: ${String(error)}`);
  const but = (found: unknown) => () => `found ${show(found)}`;
  const t: Checks = {
    test: (name, run) => group(name, run, tell, inner, outcome),
    ok: (value, what) => check(Boolean(value), what, but(value)),
    notOk: (value, what) => check(!value, what, but(value)),
    equal: (found, wanted, what) => check(Object.is(found, wanted), what ?? `is ${show(wanted)}`, but(found)),
    not: (found, unwanted, what) => check(!Object.is(found, unwanted), what ?? `is not ${show(unwanted)}`),
    same: (found, wanted, what) =>
      check(isDeepStrictEqual(found, wanted), what ?? `is ${show(wanted)}`, but(found)),
    match: (found, pattern, what) => check(matches(found, pattern), what ?? 'is as it should be', but(found)),
    async rejects(promise, pattern, what) {
      try {
        return check(false, what, but(await promise));
      } catch (error) {
        return thrown(error, pattern, what);
      }
    },
    throws(run, pattern, what) {
      try {
        return check(false, what, but(run()));
      } catch (error) {
        return thrown(error, pattern, what);
      }
    },
    pass: (what) => check(true, what),
    fail: (what) => check(false, what),
    teardown: (cleanup) => void cleanups.push(cleanup),
  };
  try {
    await run(t);
  } catch (error) {
    check(false, 'goes through', () => (error instanceof Error ? error.message : String(error)));
  }
  for (const cleanup of cleanups.reverse()) await cleanup();
}

function matches(found: unknown, pattern: unknown): boolean {
  if (pattern instanceof RegExp) return typeof found === 'string' && pattern.test(found);
  if (typeof pattern === 'function') {
    return typeof found === pattern.name.toLowerCase() || (found as object)?.constructor === pattern;
  }
  if (typeof pattern !== 'object' || pattern === null) return Object.is(found, pattern);
  if (typeof found !== 'object' || found === null) return false;
  return Object.entries(pattern).every(([key, each]) =>
    matches((found as Record<string, unknown>)[key], each),
  );
}

function show(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value);
  return text.length > SHOWN ? `${text.slice(0, SHOWN)}...` : text;
}

/** Waits until `condition` returns something true; fails after `ms`. */
export async function eventually(what: string, condition: () => unknown, ms = 30_000): Promise<void> {
  const deadline = performance.now() + ms;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`${what}: not within ${ms} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}
