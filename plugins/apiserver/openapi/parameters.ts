import type { Definition } from '../schemas/definitions.ts';

export interface Parameter {
  name: string;
  in: 'query' | 'path';
  description: string;
  required?: boolean;
  schema: Definition;
}

function query(name: string, type: string, description: string): Parameter {
  return { name, in: 'query', description, schema: { type } };
}

export function path(name: string, description: string): Parameter {
  return { name, in: 'path', description, required: true, schema: { type: 'string' } };
}

export const PRETTY = query('pretty', 'string', "If 'true', then the output is pretty printed.");
const DRY_RUN = query(
  'dryRun',
  'string',
  'When present, indicates that modifications should not be persisted. Valid values are: - All: all dry run stages will be processed',
);
export const WRITE = [
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
export const FORCE = query(
  'force',
  'boolean',
  'Force is going to "force" Apply requests. It means user will re-acquire conflicting fields owned by other people.',
);
export const LIST = [
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
export const DELETE = [
  DRY_RUN,
  query('gracePeriodSeconds', 'integer', 'The duration in seconds before the object should be deleted.'),
  query(
    'propagationPolicy',
    'string',
    'Whether and how garbage collection will be performed: Orphan, Background or Foreground.',
  ),
];

const CONTAINER = query('container', 'string', 'The container; may be left out of a pod that has only one.');
const STREAMS = [
  CONTAINER,
  query('stdin', 'boolean', 'Redirect the standard input stream of the pod for this call.'),
  query('stdout', 'boolean', 'Redirect the standard output stream of the pod for this call.'),
  query('stderr', 'boolean', 'Redirect the standard error stream of the pod for this call.'),
  query('tty', 'boolean', 'Whether a terminal is allocated.'),
];
/** What a subresource is asked with. Source: kubernetes core/v1 PodLogOptions, PodExecOptions, PodAttachOptions, PodPortForwardOptions. */
export const OF_SUBRESOURCE: Readonly<Record<string, readonly Parameter[]>> = {
  attach: STREAMS,
  exec: [
    query(
      'command',
      'string',
      'What to run: the program, and in further parameters of this name its arguments.',
    ),
    ...STREAMS,
  ],
  log: [
    CONTAINER,
    query('follow', 'boolean', 'Follow the log stream of the pod.'),
    query('limitBytes', 'integer', 'The number of bytes after which the answer ends.'),
    query('previous', 'boolean', 'Return the log of the container that was terminated before.'),
    query(
      'sinceSeconds',
      'integer',
      'A relative time in seconds before the current time from which to show logs.',
    ),
    query('tailLines', 'integer', 'The number of lines from the end of the log to show.'),
    query('timestamps', 'boolean', 'Begin every line with its time.'),
  ],
  portforward: [query('ports', 'integer', 'The ports to forward to; needed for WebSockets.')],
};
