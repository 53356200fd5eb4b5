import type { KubeObject } from 'orlop/plugin';
import t from 'tap';
import { toTable } from '../../../plugins/apiserver/printing/table.ts';
import { invalidObject } from '../../../plugins/apiserver/resources/errors.ts';
import {
  applyDefaults,
  prepareForCreate,
  prepareForUpdate,
  validateCreate,
  validateUpdate,
} from '../../../plugins/apiserver/resources/lifecycle.ts';
import { standardRows } from '../../../plugins/apiserver/resources/standard.ts';
import { ResourceTable } from '../../../plugins/apiserver/resources/table.ts';
import { decodeObject } from '../../../plugins/apiserver/schemas/decode.ts';
import { Schemas } from '../../../plugins/apiserver/schemas/generated.ts';
import type { Schema } from '../../../plugins/apiserver/schemas/types.ts';

const schemas = new Schemas();
const table = new ResourceTable(standardRows({ serviceCIDR: '10.96.0.0/16', nodePorts: [30_000, 32_767] }));
const OBJECTS = 400;
const DEPTH = 12;

/** Numbers from 0 to 1, the same ones in every run. Source: mulberry32. */
function random(seed: number): () => number {
  let state = seed;
  return () => {
    state = (state + 0x6d2b79f5) | 0;
    let x = Math.imul(state ^ (state >>> 15), 1 | state);
    x = (x + Math.imul(x ^ (x >>> 7), 61 | x)) ^ x;
    return ((x ^ (x >>> 14)) >>> 0) / 2 ** 32;
  };
}

const STRINGS = [
  '',
  'a',
  'A_',
  '10.0.0.1',
  '50%',
  'None',
  'Recreate',
  'NodePort',
  'ExternalName',
  '../x',
  'x'.repeat(300),
];
const NUMBERS = [0, 1, -1, 80, 70_000];
const FORMATTED: Record<string, readonly unknown[]> = {
  quantity: ['1', '100m', '-1Gi', '1.5'],
  'date-time': ['2026-01-01T00:00:00Z'],
  byte: ['', 'Yg=='],
  'int-or-string': [0, 80, '50%', 'http', ''],
};

/** Some value of the type, with most fields left out, as a client may send it. */
function sample(schema: Schema, next: () => number, depth: number): unknown {
  const pick = <T>(items: readonly T[]): T => items[Math.floor(next() * items.length)]!;
  if (schema.format && FORMATTED[schema.format]) return pick(FORMATTED[schema.format]!);
  switch (schema.type) {
    case 'object': {
      const object: Record<string, unknown> = {};
      for (const [name, property] of Object.entries(schema.properties ?? {})) {
        if (depth > 0 && next() < 0.3) object[name] = sample(property, next, depth - 1);
      }
      if (schema.additionalProperties && next() < 0.5) {
        object[pick(['a', 'B/c', 'x y'])] = sample(schema.additionalProperties, next, depth - 1);
      }
      return object;
    }
    case 'array':
      return Array.from({ length: depth > 0 ? Math.floor(next() * 3) : 0 }, () =>
        sample(schema.items ?? {}, next, depth - 1),
      );
    case 'integer':
    case 'number':
      return pick(NUMBERS);
    case 'boolean':
      return next() < 0.5;
    default:
      return schema.type === 'string' ? pick(STRINGS) : null;
  }
}

for (const row of table.rows.filter((each) => each.source === 'store')) {
  t.test(
    `whatever a client sends as ${row.kind} of ${row.group || 'core'} is judged, not crashed on`,
    async (t) => {
      const schema = schemas.schemaFor(row)!;
      const next = random(row.kind.length * 7919);
      const whole = (): KubeObject => {
        const object = sample(schema, next, DEPTH) as KubeObject;
        decodeObject(schema, row, object, 'Ignore');
        return {
          ...object,
          metadata: { ...object.metadata, name: 'a', ...(row.namespaced ? { namespace: 'b' } : {}) },
        };
      };
      let old = whole();
      let judged = 0;
      for (let i = 0; i < OBJECTS; i += 1) {
        const object = whole();
        applyDefaults(row, object);
        prepareForCreate(row, object);
        const errors = validateCreate(row, object);
        if (errors.length > 0) invalidObject(row, 'a', errors).toStatus();
        const again = structuredClone(object);
        applyDefaults(row, again);
        if (JSON.stringify(again) !== JSON.stringify(object))
          t.same(again, object, 'defaults are idempotent');
        for (const part of ['', 'status'] as const) {
          const update = whole();
          prepareForUpdate(row, update, old, part);
          validateUpdate(row, update, old, part);
        }
        toTable(row, [object, whole()]);
        for (const label of Object.keys(row.fieldSelectors)) row.fieldSelectors[label]!(object);
        old = object;
        judged += 1;
      }
      t.equal(judged, OBJECTS);
    },
  );
}
