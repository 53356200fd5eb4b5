import { type Definition, type Definitions, REFERENCE } from '../schemas/definitions.ts';
import type { Parameter } from './parameters.ts';
import type { Operation, PathItem } from './paths.ts';

/** The parts of an OpenAPI v2 ("Swagger") document that are made here. Source: OpenAPI Specification 2.0. */
export interface Swagger {
  readonly swagger: '2.0';
  readonly info: { readonly title: string; readonly version: string };
  readonly paths: Record<string, SwaggerPath>;
  readonly definitions: Definitions;
  readonly securityDefinitions: Readonly<Record<string, SecurityScheme>>;
  readonly security: readonly Readonly<Record<string, readonly string[]>>[];
}

interface SecurityScheme {
  readonly type: 'apiKey';
  readonly name: string;
  readonly in: 'header';
  readonly description: string;
}

/** How generated clients learn to authenticate; the same in v3. */
export const SECURITY_SCHEMES: Readonly<Record<string, SecurityScheme>> = {
  BearerToken: {
    description: 'Bearer Token authentication',
    type: 'apiKey',
    name: 'authorization',
    in: 'header',
  },
};
export const SECURITY = [{ BearerToken: [] }];

export interface SwaggerPath {
  parameters: SwaggerParameter[];
  [method: string]: SwaggerOperation | SwaggerParameter[];
}

export interface SwaggerOperation extends Pick<Operation, 'description' | 'operationId' | 'tags'> {
  readonly consumes: string[];
  readonly produces: string[];
  readonly schemes: string[];
  readonly parameters: SwaggerParameter[];
  readonly responses: Record<string, { description: string; schema?: Definition }>;
  readonly [extension: `x-${string}`]: unknown;
}

export type SwaggerParameter =
  | { name: string; in: 'body'; required: boolean; schema: Definition }
  | {
      name: string;
      in: 'query' | 'path';
      description: string;
      required?: boolean;
      type: string;
      uniqueItems: true;
    };

/** From the paths and definitions of the v3 documents. */
export function swaggerOf(
  info: Swagger['info'],
  paths: Readonly<Record<string, PathItem>>,
  definitions: Definitions,
): Swagger {
  return {
    swagger: '2.0',
    info,
    paths: Object.fromEntries(Object.entries(paths).map(([path, item]) => [path, pathItem(item)])),
    definitions: Object.fromEntries(
      Object.entries(definitions).map(([name, definition]) => [name, schema(WRITTEN_AS[name] ?? definition)]),
    ),
    securityDefinitions: SECURITY_SCHEMES,
    security: SECURITY,
  };
}

/** v2 has one type each. */
const WRITTEN_AS: Readonly<Record<string, Definition>> = {
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    description: 'IntOrString is a number or a string, e.g. a port or its name.',
    type: 'string',
    format: 'int-or-string',
  },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': {
    description: 'Quantity is a fixed-point representation of a number, e.g. 500m or 1Gi.',
    type: 'string',
  },
};

function pathItem({ parameters, ...operations }: PathItem): SwaggerPath {
  const converted = Object.entries(operations).map(([method, value]) => [
    method,
    operation(value as Operation),
  ]);
  return { ...Object.fromEntries(converted), parameters: parameters.map(parameter) };
}

function operation({ requestBody, responses, parameters, ...rest }: Operation): SwaggerOperation {
  const body = requestBody && Object.values(requestBody.content)[0];
  return {
    ...rest,
    consumes: requestBody ? Object.keys(requestBody.content) : ['*/*'],
    produces: Object.keys(responses['200']?.content ?? {}),
    schemes: ['https'],
    parameters: [
      ...(body
        ? [{ name: 'body', in: 'body', required: requestBody.required, schema: schema(body.schema) } as const]
        : []),
      ...parameters.map(parameter),
    ],
    responses: Object.fromEntries(
      Object.entries(responses).map(([code, { description, content }]) => {
        const [answer] = Object.values(content ?? {});
        return [code, { description, ...(answer ? { schema: schema(answer.schema) } : {}) }];
      }),
    ),
  };
}

function parameter({ schema: { type = 'string' }, ...rest }: Parameter): SwaggerParameter {
  return { ...rest, type, uniqueItems: true };
}

function schema({ allOf, oneOf: _, ...definition }: Definition): Definition {
  const converted: Definition = { ...definition };
  // v3 wraps a reference that has a description; here the two stand side by side.
  const reference = definition.$ref ?? allOf?.[0]?.$ref;
  if (reference) converted.$ref = `#/definitions/${reference.slice(REFERENCE.length)}`;
  if (definition.items) converted.items = schema(definition.items);
  if (typeof definition.additionalProperties === 'object') {
    converted.additionalProperties = schema(definition.additionalProperties);
  }
  if (definition.properties) {
    converted.properties = Object.fromEntries(
      Object.entries(definition.properties).map(([name, property]) => [name, schema(property)]),
    );
  }
  return converted;
}
