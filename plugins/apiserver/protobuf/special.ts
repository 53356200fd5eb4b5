import { fieldsOf, type WireValue } from './wire.ts';

type Decode = (message: string, bytes: Buffer) => unknown;

const META = 'k8s.io.apimachinery.pkg.apis.meta.v1.';
const EXTENSIONS = 'k8s.io.apiextensions_apiserver.pkg.apis.apiextensions.v1.';
const SCHEMA = `${EXTENSIONS}JSONSchemaProps`;

/** Messages whose JSON is not an object of their fields; `null` means there is nothing to write. Source: their Go `MarshalJSON`. */
export const SPECIAL: Readonly<Record<string, (bytes: Buffer, decode: Decode) => unknown>> = {
  [`${META}Time`]: (bytes) => time(bytes, false),
  [`${META}MicroTime`]: (bytes) => time(bytes, true),
  [`${META}Duration`]: (bytes) => duration(number(fields(bytes), 1)),
  [`${META}FieldsV1`]: json,
  'k8s.io.apimachinery.pkg.runtime.RawExtension': json,
  'k8s.io.apimachinery.pkg.api.resource.Quantity': (bytes) => String(fields(bytes).get(1) ?? '0'),
  'k8s.io.apimachinery.pkg.util.intstr.IntOrString'(bytes) {
    const parts = fields(bytes);
    return number(parts, 1) === 1 ? String(parts.get(3) ?? '') : number(parts, 2);
  },
  [`${EXTENSIONS}JSON`]: json,
  [`${EXTENSIONS}JSONSchemaPropsOrBool`](bytes, decode) {
    const parts = fields(bytes);
    const schema = parts.get(2);
    return schema === undefined ? number(parts, 1) === 1 : decode(SCHEMA, schema as Buffer);
  },
  [`${EXTENSIONS}JSONSchemaPropsOrArray`](bytes, decode) {
    const parts = [...fieldsOf(bytes)];
    const single = parts.find(([at]) => at === 1);
    if (single) return decode(SCHEMA, single[1] as Buffer);
    return parts.map(([, schema]) => decode(SCHEMA, schema as Buffer));
  },
  [`${EXTENSIONS}JSONSchemaPropsOrStringArray`](bytes, decode) {
    const parts = [...fieldsOf(bytes)];
    const single = parts.find(([at]) => at === 1);
    if (single) return decode(SCHEMA, single[1] as Buffer);
    return parts.map(([, name]) => String(name));
  },
};

function fields(bytes: Buffer): Map<number, WireValue> {
  return new Map(fieldsOf(bytes));
}

function number(parts: ReadonlyMap<number, WireValue>, at: number): number {
  const value = parts.get(at);
  return typeof value === 'bigint' ? Number(BigInt.asIntN(64, value)) : 0;
}

function json(bytes: Buffer): unknown {
  const raw = fields(bytes).get(1);
  return raw === undefined ? null : (JSON.parse(String(raw)) as unknown);
}

function time(bytes: Buffer, micro: boolean): string | null {
  // Go's zero time is written as an empty message.
  if (bytes.length === 0) return null;
  const parts = fields(bytes);
  const date = new Date(number(parts, 1) * 1000);
  if (Number.isNaN(date.getTime())) throw new RangeError('time is out of range');
  const text = date.toISOString().slice(0, 19);
  const micros = String(Math.floor(number(parts, 2) / 1000)).padStart(6, '0');
  return micro ? `${text}.${micros}Z` : `${text}Z`;
}

/** As Go prints a `time.Duration` of nanoseconds, e.g. `1h0m5s`. */
function duration(nanoseconds: number): string {
  const total = nanoseconds / 1e9;
  const hours = Math.floor(total / 3600);
  const minutes = Math.floor((total % 3600) / 60);
  return `${hours ? `${hours}h` : ''}${hours || minutes ? `${minutes}m` : ''}${total % 60}s`;
}
