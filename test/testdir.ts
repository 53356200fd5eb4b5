import type { Test } from 'tap';

/**
 * Tap's folder for a test, removed when all of the test's teardowns have run. Tap removes one that was made before the first teardown was
 * registered ahead of them, below what still runs in it.
 */
export function testdir(t: Test, content: Parameters<Test['testdir']>[0] = {}): string {
  t.teardown(() => undefined);
  return t.testdir(content);
}
