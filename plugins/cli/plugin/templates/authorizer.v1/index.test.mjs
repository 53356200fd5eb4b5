import assert from 'node:assert/strict';
import { test } from 'node:test';
import { may } from './index.mjs';

test('somebody may read, and nobody may write', () => {
  const amy = { username: 'amy', groups: ['system:authenticated'] };
  const pods = { group: '', resource: 'pods', namespace: 'default' };
  assert.equal(may(amy, { verb: 'list', ...pods }), true);
  assert.equal(may(amy, { verb: 'create', ...pods }), false);
  assert.equal(may(amy, { verb: 'list', group: '', resource: 'secrets' }), false);
  assert.equal(may({ username: 'system:anonymous', groups: [] }, { verb: 'list', ...pods }), false);
});
