/** A folder that is emptied at the end; served under a volume source of Kubernetes that Orlop has no driver for. */
export function module(name: string): string {
  return `// @ts-check
import { mkdir, rm } from 'node:fs/promises';
import { definePlugin, provide, VolumeDrivers } from 'orlop/plugin';

/** The volume source it serves: \`volumes: [{ name: x, ephemeral: {} }]\`. */
const SOURCE = 'ephemeral';

/** @type {import('orlop/plugin').VolumeDriver} */
export const driver = {
  // Again about every minute while the pod lives: it must change nothing that is right already.
  async setUp({ dir }) {
    await mkdir(dir, { recursive: true });
    return dir;
  },
  async tearDown({ dir }) {
    await rm(dir, { recursive: true, force: true });
  },
};

export default definePlugin({
  name: '${name}',
  kind: 'volume.v1',
  version: '0.1.0',
  description: 'Makes ephemeral volumes available.',
  provides: [VolumeDrivers],
  grants: { host: ['files'] },
  start: () => ({ provides: [provide(VolumeDrivers, driver, SOURCE)] }),
});
`;
}

export function test(): string {
  return `// @ts-check
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
`;
}

export function conformance(): string {
  return `// @ts-check
/** What \`orlop plugin test\` cannot guess. */
export default {
  volumes: {
    ephemeral: { volume: { name: 'v', ephemeral: {} }, writable: true },
  },
};
`;
}
