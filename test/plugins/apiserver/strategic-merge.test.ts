import t from 'tap';
import { strategicMergePatch } from '../../../plugins/apiserver/patch/strategic.ts';
import type { Schema } from '../../../plugins/apiserver/schemas/types.ts';

/** The shape of upstream's `mergeItem`, source: apimachinery `strategicpatch/patch_test.go`. */
const item: Schema = {
  type: 'object',
  properties: {
    name: { type: 'string' },
    value: { type: 'string' },
    other: { type: 'string' },
    mergingList: {
      type: 'array',
      patchStrategy: 'merge',
      patchMergeKey: 'name',
      get items() {
        return item;
      },
    },
    nonMergingList: {
      type: 'array',
      get items() {
        return item;
      },
    },
    mergingIntList: { type: 'array', patchStrategy: 'merge', items: { type: 'integer' } },
    nonMergingIntList: { type: 'array', items: { type: 'integer' } },
    simpleMap: { type: 'object', additionalProperties: { type: 'string' } },
    retainKeysMap: {
      type: 'object',
      patchStrategy: 'retainKeys',
      get properties() {
        return item.properties!;
      },
    },
    replacingItem: {
      type: 'object',
      patchStrategy: 'replace',
      get properties() {
        return item.properties!;
      },
    },
  },
};

interface Case {
  what: string;
  original: Record<string, unknown>;
  patch: Record<string, unknown>;
  result: Record<string, unknown>;
}

const cases: Case[] = [
  {
    what: 'add, change and remove fields',
    original: { name: '1', value: '1' },
    patch: { value: null, other: 'b', name: '2' },
    result: { name: '2', other: 'b' },
  },
  {
    what: 'a null for what is not there',
    original: { name: '1' },
    patch: { value: null },
    result: { name: '1' },
  },
  {
    what: 'maps merge, nulls in what is added vanish',
    original: { simpleMap: { a: '1', b: '2' } },
    patch: { simpleMap: { b: null, c: '3' }, retainKeysMap: { name: 'x', value: null } },
    result: { simpleMap: { a: '1', c: '3' }, retainKeysMap: { name: 'x' } },
  },
  {
    what: 'lists of objects merge by key, new items go to the end',
    original: { mergingList: [{ name: '1', value: 'a' }, { name: '2' }] },
    patch: { mergingList: [{ name: '3' }, { name: '1', other: 'x' }] },
    result: { mergingList: [{ name: '1', value: 'a', other: 'x' }, { name: '2' }, { name: '3' }] },
  },
  {
    what: 'lists without the strategy are replaced',
    original: { nonMergingList: [{ name: '1' }], nonMergingIntList: [1, 2] },
    patch: { nonMergingList: [{ name: '2' }], nonMergingIntList: [3] },
    result: { nonMergingList: [{ name: '2' }], nonMergingIntList: [3] },
  },
  {
    what: 'an item is deleted by its key',
    original: { mergingList: [{ name: '1' }, { name: '2', value: 'a' }] },
    patch: {
      mergingList: [
        { name: '2', $patch: 'delete' },
        { name: '9', $patch: 'delete' },
      ],
    },
    result: { mergingList: [{ name: '1' }] },
  },
  {
    what: 'a list is replaced by directive',
    original: { mergingList: [{ name: '1' }, { name: '2' }] },
    patch: { mergingList: [{ name: '3' }, { $patch: 'replace' }] },
    result: { mergingList: [{ name: '3' }] },
  },
  {
    what: 'a map is replaced by directive',
    original: { simpleMap: { a: '1' } },
    patch: { simpleMap: { b: '2', $patch: 'replace' } },
    result: { simpleMap: { b: '2' } },
  },
  {
    what: 'a map is emptied by directive',
    original: { simpleMap: { a: '1' }, name: 'x' },
    patch: { simpleMap: { $patch: 'delete' } },
    result: { simpleMap: {}, name: 'x' },
  },
  {
    what: 'a struct with strategy replace is replaced',
    original: { replacingItem: { name: '1', value: 'a' } },
    patch: { replacingItem: { other: 'b' } },
    result: { replacingItem: { other: 'b' } },
  },
  {
    what: 'primitive lists merge without duplicates',
    original: { mergingIntList: [1, 2] },
    patch: { mergingIntList: [2, 3] },
    result: { mergingIntList: [1, 2, 3] },
  },
  {
    what: 'values are deleted from a primitive list',
    original: { mergingIntList: [1, 2, 3] },
    patch: { '$deleteFromPrimitiveList/mergingIntList': [1, 3], mergingIntList: [4] },
    result: { mergingIntList: [2, 4] },
  },
  {
    what: 'the given order of a primitive list',
    original: { mergingIntList: [1, 2, 3] },
    patch: { '$setElementOrder/mergingIntList': [3, 4, 1, 2], mergingIntList: [4] },
    result: { mergingIntList: [3, 4, 1, 2] },
  },
  {
    what: 'the given order of a list of objects, without changes',
    original: { mergingList: [{ name: '1' }, { name: '2' }, { name: '3' }] },
    patch: { '$setElementOrder/mergingList': [{ name: '3' }, { name: '1' }, { name: '2' }] },
    result: { mergingList: [{ name: '3' }, { name: '1' }, { name: '2' }] },
  },
  {
    what: 'what only the server has keeps its place',
    original: { mergingList: [{ name: 's' }, { name: '1' }, { name: 't' }, { name: '2' }] },
    patch: {
      '$setElementOrder/mergingList': [{ name: '1' }, { name: '3' }, { name: '2' }],
      mergingList: [{ name: '3', value: 'n' }],
    },
    result: {
      mergingList: [{ name: 's' }, { name: '1' }, { name: '3', value: 'n' }, { name: 't' }, { name: '2' }],
    },
  },
  {
    what: 'only the keys to retain stay',
    original: { retainKeysMap: { name: 'a', value: 'b', other: 'c' } },
    patch: { retainKeysMap: { $retainKeys: ['name', 'other'], other: 'd' } },
    result: { retainKeysMap: { name: 'a', other: 'd' } },
  },
  {
    what: 'lists inside of merged items',
    original: { mergingList: [{ name: '1', mergingList: [{ name: 'a' }, { name: 'b' }] }] },
    patch: { mergingList: [{ name: '1', mergingList: [{ name: 'a', $patch: 'delete' }, { name: 'c' }] }] },
    result: { mergingList: [{ name: '1', mergingList: [{ name: 'b' }, { name: 'c' }] }] },
  },
  {
    what: 'directives do not survive in what is added',
    original: {},
    patch: {
      '$setElementOrder/mergingList': [{ name: 'a' }],
      mergingList: [
        { name: 'a', retainKeysMap: { $retainKeys: ['name'], name: 'x' } },
        { name: 'b', $patch: 'delete' },
      ],
    },
    result: { mergingList: [{ name: 'a', retainKeysMap: { name: 'x' } }] },
  },
];

for (const { what, original, patch, result } of cases) {
  t.test(what, async (t) => {
    const before = structuredClone(original);
    t.strictSame(strategicMergePatch(original, patch, item), result);
    t.strictSame(original, before, 'the original is left alone');
  });
}

t.test('bad patches are refused', async (t) => {
  const bad = (patch: Record<string, unknown>): void => {
    t.throws(() => strategicMergePatch({ mergingList: [{ name: '1' }] }, patch, item), {
      name: 'StatusError',
      reason: 'BadRequest',
    });
  };
  bad({ $patch: 'sideways' });
  bad({ mergingList: [{ value: 'no name' }] });
  bad({ mergingList: ['text', { name: '1' }] });
  bad({ '$deleteFromPrimitiveList/mergingIntList': 'x' });
  bad({ '$setElementOrder/mergingList': 'x' });
  bad({ $retainKeys: ['name'], value: 'not retained' });
});
