import type { Definition } from '../schemas/definitions.ts';
import type { Swagger, SwaggerOperation, SwaggerParameter, SwaggerPath } from './swagger.ts';

/**
 * A Swagger document as the protobuf message `openapi.v2.Document`, which clients of Go ask for because it parses faster.
 * Source: gnostic `openapiv2/OpenAPIv2.proto`; the field numbers are from there.
 */
export function encodeSwagger({
  swagger,
  info,
  paths,
  definitions,
  securityDefinitions,
  security,
}: Swagger): Buffer {
  return Buffer.concat([
    field(1, swagger),
    field(2, field(1, info.title), field(2, info.version)),
    field(8, ...named(2, paths, pathItem)),
    field(9, ...named(1, definitions, schema)),
    ...security.map((each) =>
      field(12, ...named(1, each, (scopes) => scopes.map((scope) => field(1, scope)))),
    ),
    field(
      13,
      ...named(1, securityDefinitions, (each) => [
        field(2, field(1, each.type), field(2, each.name), field(3, each.in), field(4, each.description)),
      ]),
    ),
  ]);
}

const METHODS = { get: 2, put: 3, post: 4, delete: 5, options: 6, head: 7, patch: 8 } as const;

function pathItem(item: SwaggerPath): Buffer[] {
  return [
    ...Object.entries(METHODS).flatMap(([method, number]) =>
      item[method] ? [field(number, ...operation(item[method] as SwaggerOperation))] : [],
    ),
    ...item.parameters.map((each) => field(9, ...parameter(each))),
  ];
}

function operation(each: SwaggerOperation): Buffer[] {
  return [
    ...each.tags.map((tag) => field(1, tag)),
    field(3, each.description),
    field(5, each.operationId),
    ...each.produces.map((type) => field(6, type)),
    ...each.consumes.map((type) => field(7, type)),
    ...each.parameters.map((one) => field(8, ...parameter(one))),
    field(
      9,
      ...named(1, each.responses, ({ description, schema: answer }) => [
        field(1, field(1, description), ...(answer ? [field(2, field(1, ...schema(answer)))] : [])),
      ]),
    ),
    ...each.schemes.map((scheme) => field(10, scheme)),
    ...extensions(13, each),
  ];
}

/** A `ParametersItem` with a `Parameter`, which is one of a body's and of one elsewhere. */
function parameter(each: SwaggerParameter): Buffer[] {
  if (each.in === 'body') {
    const body = [
      field(2, each.name),
      field(3, each.in),
      flag(4, each.required),
      field(5, ...schema(each.schema)),
    ];
    return [field(1, field(1, ...body))];
  }
  const isQuery = each.in === 'query';
  const parts = [
    flag(1, each.required),
    field(2, each.in),
    field(3, each.description),
    field(4, each.name),
    field(isQuery ? 6 : 5, each.type),
    flag(isQuery ? 20 : 19, each.uniqueItems),
  ];
  return [field(1, field(2, field(isQuery ? 3 : 4, ...parts)))];
}

function schema(definition: Definition): Buffer[] {
  const { additionalProperties: values } = definition;
  return [
    ...text(1, definition.$ref),
    ...text(2, definition.format),
    ...text(4, definition.description),
    ...(definition.default === undefined ? [] : [field(5, any(definition.default))]),
    ...(definition.required ?? []).map((name) => field(19, name)),
    ...(definition.enum ?? []).map((value) => field(20, any(value))),
    ...(typeof values === 'object' ? [field(21, field(1, ...schema(values)))] : []),
    ...(typeof values === 'boolean' ? [field(21, flag(2, values))] : []),
    ...(definition.type ? [field(22, field(1, definition.type))] : []),
    ...(definition.items ? [field(23, field(1, ...schema(definition.items)))] : []),
    ...(definition.properties ? [field(25, ...named(1, definition.properties, schema))] : []),
    ...extensions(31, definition),
  ];
}

/** Maps are lists of messages with a name and a value. */
function named<T>(
  number: number,
  values: Readonly<Record<string, T>>,
  encode: (value: T) => Buffer[],
): Buffer[] {
  return Object.entries(values).map(([name, value]) =>
    field(number, field(1, name), field(2, ...encode(value))),
  );
}

function extensions(number: number, of: object): Buffer[] {
  return Object.entries(of)
    .filter(([name]) => name.startsWith('x-'))
    .map(([name, value]) => field(number, field(1, name), field(2, any(value))));
}

/** `Any` holds YAML, of which JSON is a part. */
function any(value: unknown): Buffer {
  return field(2, JSON.stringify(value));
}

function text(number: number, value: string | undefined): Buffer[] {
  return value === undefined ? [] : [field(number, value)];
}

function flag(number: number, value: boolean | undefined): Buffer {
  return value ? Buffer.concat([varint(number << 3), varint(1)]) : Buffer.alloc(0);
}

/** A string, or a message of these parts. */
function field(number: number, ...parts: (Buffer | string)[]): Buffer {
  const content = parts.map((part) => (typeof part === 'string' ? Buffer.from(part) : part));
  const length = content.reduce((sum, part) => sum + part.length, 0);
  return Buffer.concat([varint((number << 3) | 2), varint(length), ...content]);
}

function varint(value: number): Buffer {
  const bytes: number[] = [];
  let rest = value;
  for (; rest > 0x7f; rest >>>= 7) bytes.push((rest & 0x7f) | 0x80);
  return Buffer.from([...bytes, rest]);
}
