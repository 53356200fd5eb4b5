import {
  Events,
  fromSubjectToken,
  Leases,
  type ObjectKey,
  type Resource,
  subjectToken,
} from '../contract/index.ts';

/** One JetStream stream and what it keeps. Each has revisions of its own. */
export interface StreamDesign {
  /** Of the stream. */
  name: string;
  /** First token of its subjects. */
  prefix: string;
  /** Revisions kept of each object. */
  history: number;
  /** Seconds after which an object that was not written again is removed; 0: never. */
  maxAge: number;
}

const OBJECTS: StreamDesign = { name: 'orlop-objects', prefix: 'obj', history: 8, maxAge: 0 };
const EVENTS: StreamDesign = { name: 'orlop-events', prefix: 'evt', history: 2, maxAge: 3600 };
const LEASES: StreamDesign = { name: 'orlop-leases', prefix: 'lease', history: 4, maxAge: 0 };

export const STREAMS: readonly StreamDesign[] = [OBJECTS, EVENTS, LEASES];

/** What churns is kept apart; everything else is in `orlop-objects`. */
const APART = new Map<string, StreamDesign>([
  [resourceId(Events), EVENTS],
  [resourceId({ group: 'events.k8s.io', resource: 'events' }), EVENTS],
  [resourceId(Leases), LEASES],
]);

export function resourceId(resource: { group: string; resource: string }): string {
  return `${subjectToken(resource.group)}.${subjectToken(resource.resource)}`;
}

export function streamOf(resource: Resource): StreamDesign {
  return APART.get(resourceId(resource)) ?? OBJECTS;
}

/** The subject of one object: `prefix.group.resource.namespace.name`, each token escaped; an absent group or namespace is `=`. */
export function subjectOf(resource: Resource, key: ObjectKey): string {
  return `${filterOf(resource)}${subjectToken(key.namespace ?? '')}.${subjectToken(key.name)}`;
}

/** Subjects of this start are objects of the resource. */
export function filterOf(resource: Resource): string {
  return `${streamOf(resource).prefix}.${resourceId(resource)}.`;
}

export function parseSubject(subject: string): { resource: string; key: ObjectKey } | undefined {
  const tokens = subject.split('.');
  if (tokens.length !== 5) return undefined;
  const name = fromSubjectToken(tokens[4]!);
  const namespace = fromSubjectToken(tokens[3]!);
  return { resource: `${tokens[1]}.${tokens[2]}`, key: namespace === '' ? { name } : { namespace, name } };
}

/** Sorts by namespace, then name: no name holds the separator. */
export function sortKey(key: ObjectKey): string {
  return `${key.namespace ?? ''}\0${key.name}`;
}
