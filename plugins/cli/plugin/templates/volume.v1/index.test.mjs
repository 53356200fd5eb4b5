import assert from 'node:assert/strict';
import { existsSync, mkdtempSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { test } from 'node:test';
import { driver } from './index.mjs';

test('what a pod wrote stays until the volume is torn down', async () => {
  const dir = mkdtempSync(join(tmpdir(), 'volume-'));
  const request = { pod: {}, volume: { name: 'v' }, dir };
  const path = await driver.setUp(request);
  writeFileSync(join(path, 'kept'), '');
  await driver.setUp(request);
  assert.ok(existsSync(join(path, 'kept')));
  await driver.tearDown(request);
  assert.ok(!existsSync(join(path, 'kept')));
});
