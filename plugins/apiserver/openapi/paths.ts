import type { ResourceRow, Subresource } from '../resources/types.ts';
import { type Definition, referenceTo } from '../schemas/definitions.ts';
import { operationId, operationTag, type Target } from './operations.ts';
import { DELETE, FORCE, LIST, OF_SUBRESOURCE, type Parameter, PRETTY, path, WRITE } from './parameters.ts';

/** Definition names of what an operation sends and answers. */
export interface Bodies {
  object: string;
  list: string;
  /** Of a subresource's body. */
  nameOf(subresource: Subresource): string | undefined;
}

/** An OpenAPI v3 path item, as far as they are made here. */
export interface PathItem {
  parameters: readonly Parameter[];
  [method: string]: Operation | readonly Parameter[];
}

export interface Operation {
  description: string;
  operationId: string;
  tags: string[];
  'x-kubernetes-action': string;
  'x-kubernetes-group-version-kind': object;
  parameters: readonly Parameter[];
  requestBody?: { required: boolean; content: Content };
  responses: Record<string, { description: string; content?: Content }>;
}
/** By media type. */
export type Content = Record<string, { schema: Definition }>;

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
/** What every document refers to. */
export const COMMON_DEFINITIONS = [`${META}.DeleteOptions`, `${META}.Patch`, `${META}.Status`];

const JSON_TYPE = 'application/json';
const BODY_TYPES = [JSON_TYPE, 'application/yaml', 'application/vnd.kubernetes.protobuf'];
const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

/** The `paths` of one resource. */
export function pathsOf(row: ResourceRow, bodies: Bodies): Record<string, PathItem> {
  const root = row.group === '' ? `/api/${row.version}` : `/apis/${row.group}/${row.version}`;
  const all = `${root}/${row.resource}`;
  const collection = row.namespaced ? `${root}/namespaces/{namespace}/${row.resource}` : all;
  const namespace = row.namespaced
    ? [path('namespace', 'object name and auth scope, such as for teams and projects')]
    : [];
  const name = path('name', `name of the ${row.kind}`);
  const paths: Record<string, PathItem> = {};
  const listing = (target: Target): Record<string, Operation> =>
    only(row.verbs, {
      list: [
        'get',
        operation(target, 'list', `list or watch objects of kind ${row.kind}`, LIST, bodies.list),
      ],
    });
  if (row.namespaced && row.verbs.includes('list'))
    paths[all] = { ...listing({ row, isForAllNamespaces: true }), parameters: [PRETTY] };
  paths[collection] = {
    ...listing({ row }),
    ...only(row.verbs, {
      create: [
        'post',
        operation({ row }, 'post', `create a ${row.kind}`, WRITE, bodies.object, { body: bodies.object }),
      ],
      deletecollection: [
        'delete',
        operation(
          { row },
          'deletecollection',
          `delete collection of ${row.kind}`,
          DELETE_ALL,
          `${META}.Status`,
          {
            body: `${META}.DeleteOptions`,
            isOptional: true,
          },
        ),
      ],
    }),
    parameters: [...namespace, PRETTY],
  };
  const item = itemOperations({ row }, row.verbs, bodies.object);
  if (Object.keys(item).length > 0) {
    paths[`${collection}/{name}`] = { ...item, parameters: [name, ...namespace, PRETTY] };
  }
  for (const subresource of row.subresources) {
    const body = bodies.nameOf(subresource) ?? bodies.object;
    paths[`${collection}/{name}/${subresource.name}`] = {
      ...subresourceOperations({ row, subresource }, body),
      parameters: [name, ...namespace, ...(OF_SUBRESOURCE[subresource.name] ?? [PRETTY])],
    };
  }
  return paths;
}

const DELETE_ALL = [...LIST, ...DELETE.filter(({ name }) => LIST.every((each) => each.name !== name))];

function subresourceOperations(target: Required<Pick<Target, 'row' | 'subresource'>>, body: string) {
  const { row, subresource } = target;
  const { name, kind, verbs } = subresource;
  // What a connection is asked with is in the query; there is no body.
  if (kind.endsWith('Options')) {
    const connect = (method: string): [string, Operation] => [
      method,
      operation(
        target,
        'connect',
        `connect ${method.toUpperCase()} requests to ${name} of ${row.kind}`,
        [],
        undefined,
        {
          method,
        },
      ),
    ];
    return only(verbs, { get: connect('get'), create: connect('post') });
  }
  if (name === 'log') {
    const read = operation(target, 'get', `read ${name} of the specified ${row.kind}`, [], undefined, {
      text: 'text/plain',
    });
    return only(verbs, { get: ['get', read] });
  }
  return {
    ...itemOperations(target, verbs, body),
    ...only(verbs, {
      create: ['post', operation(target, 'post', `create ${name} of a ${row.kind}`, WRITE, body, { body })],
    }),
  };
}

function itemOperations(target: Target, verbs: readonly string[], body: string): Record<string, Operation> {
  const { kind } = target.subresource ?? target.row;
  return only(verbs, {
    get: ['get', operation(target, 'get', `read the specified ${kind}`, [], body)],
    update: ['put', operation(target, 'put', `replace the specified ${kind}`, WRITE, body, { body })],
    patch: [
      'patch',
      operation(target, 'patch', `partially update the specified ${kind}`, [...WRITE, FORCE], body, {
        body: `${META}.Patch`,
        types: PATCH_TYPES,
      }),
    ],
    delete: [
      'delete',
      operation(target, 'delete', `delete a ${kind}`, DELETE, `${META}.Status`, {
        body: `${META}.DeleteOptions`,
        isOptional: true,
      }),
    ],
  });
}

function only(
  verbs: readonly string[],
  operations: Record<string, [method: string, operation: Operation]>,
): Record<string, Operation> {
  return Object.fromEntries(
    Object.entries(operations)
      .filter(([verb]) => verbs.includes(verb))
      .map(([, entry]) => entry),
  );
}

interface Sent {
  /** Definition of the request's body. */
  body?: string;
  types?: readonly string[];
  isOptional?: boolean;
  /** Media type of an answer that is no object. */
  text?: string;
  method?: string;
}

/** `answer`: a definition; `undefined` for text. */
function operation(
  target: Target,
  action: string,
  description: string,
  parameters: readonly Parameter[],
  answer: string | undefined,
  { body, types = BODY_TYPES, isOptional = false, text = '*/*', method }: Sent = {},
): Operation {
  const { group, version, kind } = target.subresource ?? target.row;
  const content = (name: string, mediaTypes: readonly string[]): Content =>
    Object.fromEntries(mediaTypes.map((type) => [type, { schema: referenceTo(name) }]));
  const ok = {
    description: 'OK',
    content: answer === undefined ? { [text]: { schema: { type: 'string' } } } : content(answer, [JSON_TYPE]),
  };
  return {
    description,
    operationId: operationId(action, target, method),
    tags: [operationTag(target.row)],
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': { group, version, kind },
    parameters,
    ...(body === undefined ? {} : { requestBody: { required: !isOptional, content: content(body, types) } }),
    responses: {
      200: ok,
      ...(action === 'post' || action === 'put' || action === 'patch'
        ? { 201: { ...ok, description: 'Created' } }
        : {}),
      401: { description: 'Unauthorized' },
    },
  };
}
