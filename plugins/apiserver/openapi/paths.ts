import type { ResourceRow, Subresource } from '../resources/types.ts';
import { type Definition, referenceTo } from '../schemas/definitions.ts';

/** Definition names of what an operation sends and answers. */
export interface Bodies {
  object: string;
  list: string;
  /** Of a subresource's body. */
  nameOf(subresource: Subresource): string | undefined;
}

interface Parameter {
  name: string;
  in: 'query' | 'path';
  description: string;
  required?: boolean;
  schema: Definition;
}

const META = 'io.k8s.apimachinery.pkg.apis.meta.v1';
/** What every document refers to. */
export const COMMON_DEFINITIONS = [`${META}.DeleteOptions`, `${META}.Patch`, `${META}.Status`];

const PATCH_TYPES = [
  'application/apply-patch+yaml',
  'application/json-patch+json',
  'application/merge-patch+json',
  'application/strategic-merge-patch+json',
];

function query(name: string, type: string, description: string): Parameter {
  return { name, in: 'query', description, schema: { type } };
}

function path(name: string, description: string): Parameter {
  return { name, in: 'path', description, required: true, schema: { type: 'string' } };
}

const PRETTY = query('pretty', 'string', "If 'true', then the output is pretty printed.");
const DRY_RUN = query(
  'dryRun',
  'string',
  'When present, indicates that modifications should not be persisted. Valid values are: - All: all dry run stages will be processed',
);
const WRITE = [
  DRY_RUN,
  query(
    'fieldManager',
    'string',
    'fieldManager is a name associated with the actor or entity that is making these changes.',
  ),
  query(
    'fieldValidation',
    'string',
    'fieldValidation instructs the server on how to handle objects in the request containing unknown or duplicate fields: Ignore, Warn or Strict.',
  ),
];
const FORCE = query(
  'force',
  'boolean',
  'Force is going to "force" Apply requests. It means user will re-acquire conflicting fields owned by other people.',
);
const LIST = [
  query('allowWatchBookmarks', 'boolean', 'allowWatchBookmarks requests watch events with type "BOOKMARK".'),
  query(
    'continue',
    'string',
    'The continue option should be set when retrieving more results from the server.',
  ),
  query('fieldSelector', 'string', 'A selector to restrict the list of returned objects by their fields.'),
  query('labelSelector', 'string', 'A selector to restrict the list of returned objects by their labels.'),
  query('limit', 'integer', 'limit is a maximum number of responses to return for a list call.'),
  query(
    'resourceVersion',
    'string',
    'resourceVersion sets a constraint on what resource versions a request may be served from.',
  ),
  query(
    'resourceVersionMatch',
    'string',
    'resourceVersionMatch determines how resourceVersion is applied to list calls.',
  ),
  query('sendInitialEvents', 'boolean', '`sendInitialEvents=true` may be set together with `watch=true`.'),
  query('timeoutSeconds', 'integer', 'Timeout for the list/watch call.'),
  query('watch', 'boolean', 'Watch for changes to the described resources and return them as a stream.'),
];
const DELETE = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer', 'The duration in seconds before the object should be deleted.'),
  query(
    'propagationPolicy',
    'string',
    'Whether and how garbage collection will be performed: Orphan, Background or Foreground.',
  ),
];

/** The `paths` of one resource. */
export function pathsOf(row: ResourceRow, bodies: Bodies): Record<string, object> {
  const root = row.group === '' ? `/api/${row.version}` : `/apis/${row.group}/${row.version}`;
  const namespaced = `${root}/namespaces/{namespace}/${row.resource}`;
  const collection = row.namespaced ? namespaced : `${root}/${row.resource}`;
  const namespace = row.namespaced
    ? [path('namespace', 'object name and auth scope, such as for teams and projects')]
    : [];
  const name = path('name', `name of the ${row.kind}`);
  const gvk = { group: row.group, version: row.version, kind: row.kind };
  const paths: Record<string, object> = {};
  const listing = only(row.verbs, {
    list: ['get', operation('list', `list or watch objects of kind ${row.kind}`, gvk, LIST, bodies.list)],
  });
  if (row.namespaced && row.verbs.includes('list'))
    paths[`${root}/${row.resource}`] = { ...listing, parameters: [PRETTY] };
  paths[collection] = {
    ...listing,
    ...only(row.verbs, {
      create: ['post', operation('post', `create a ${row.kind}`, gvk, WRITE, bodies.object, bodies.object)],
      deletecollection: [
        'delete',
        operation(
          'deletecollection',
          `delete collection of ${row.kind}`,
          gvk,
          [...LIST, ...DELETE],
          `${META}.Status`,
        ),
      ],
    }),
    parameters: [...namespace, PRETTY],
  };
  const item = itemOperations(row.verbs, gvk, bodies.object);
  if (Object.keys(item).length > 0) {
    paths[`${collection}/{name}`] = { ...item, parameters: [name, ...namespace, PRETTY] };
  }
  for (const subresource of row.subresources) {
    const body = bodies.nameOf(subresource) ?? bodies.object;
    const { group, version, kind } = subresource;
    const operations = {
      ...itemOperations(subresource.verbs, { group, version, kind }, body),
      ...only(subresource.verbs, {
        create: [
          'post',
          operation(
            'post',
            `create ${subresource.name} of a ${row.kind}`,
            { group, version, kind },
            WRITE,
            body,
            body,
          ),
        ],
      }),
    };
    paths[`${collection}/{name}/${subresource.name}`] = {
      ...operations,
      parameters: [name, ...namespace, PRETTY],
    };
  }
  return paths;
}

type Kind = Pick<Subresource, 'group' | 'version' | 'kind'>;

function itemOperations(verbs: readonly string[], gvk: Kind, body: string): Record<string, object> {
  return only(verbs, {
    get: ['get', operation('get', `read the specified ${gvk.kind}`, gvk, [], body)],
    update: ['put', operation('put', `replace the specified ${gvk.kind}`, gvk, WRITE, body, body)],
    patch: [
      'patch',
      operation(
        'patch',
        `partially update the specified ${gvk.kind}`,
        gvk,
        [...WRITE, FORCE],
        body,
        `${META}.Patch`,
        PATCH_TYPES,
      ),
    ],
    delete: [
      'delete',
      operation('delete', `delete a ${gvk.kind}`, gvk, DELETE, `${META}.Status`, `${META}.DeleteOptions`),
    ],
  });
}

function only(
  verbs: readonly string[],
  operations: Record<string, [method: string, operation: object]>,
): Record<string, object> {
  return Object.fromEntries(
    Object.entries(operations)
      .filter(([verb]) => verbs.includes(verb))
      .map(([, entry]) => entry),
  );
}

function operation(
  action: string,
  description: string,
  gvk: object,
  parameters: readonly Parameter[],
  answer: string,
  body?: string,
  types: readonly string[] = ['application/json'],
): object {
  const content = (name: string, mediaTypes: readonly string[]): object =>
    Object.fromEntries(mediaTypes.map((type) => [type, { schema: referenceTo(name) }]));
  return {
    description,
    'x-kubernetes-action': action,
    'x-kubernetes-group-version-kind': gvk,
    parameters,
    ...(body === undefined ? {} : { requestBody: { required: true, content: content(body, types) } }),
    responses: { 200: { description: 'OK', content: content(answer, ['application/json']) } },
  };
}
