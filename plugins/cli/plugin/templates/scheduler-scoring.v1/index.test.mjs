import assert from 'node:assert/strict';
import { test } from 'node:test';
import { scores } from './index.mjs';

test('nodes with the label are preferred, and with the value that the pod wants', () => {
  assert.deepEqual(scores([{}, { disktype: 'ssd' }, { disktype: 'hdd' }], undefined), [0, 100, 100]);
  assert.deepEqual(scores([{}, { disktype: 'ssd' }, { disktype: 'hdd' }], 'ssd'), [0, 100, 0]);
});
