import * as contract from 'orlop/plugin';
import { qualifiedResource, type Resource, StatusError } from 'orlop/plugin';

const known = new Map(
  (Object.values(contract) as unknown[])
    .filter(isResource)
    .map((resource) => [qualifiedResource(resource), resource]),
);

/** A resource as JSON names it: `pods`, `deployments.apps`, or `{ group, version, resource, kind, namespaced }` for any other. */
export function resourceOf(value: unknown): Resource {
  if (isResource(value)) return value;
  const resource = typeof value === 'string' ? known.get(value) : undefined;
  if (resource) return resource;
  throw new StatusError(
    'BadRequest',
    `${JSON.stringify(value)} is no resource: give e.g. "pods" or "deployments.apps", or { group, version, resource, kind, namespaced }`,
  );
}

function isResource(value: unknown): value is Resource {
  if (typeof value !== 'object' || value === null) return false;
  const { group, version, resource, kind, namespaced } = value as Resource;
  return (
    [group, version, resource, kind].every((each) => typeof each === 'string') &&
    typeof namespaced === 'boolean'
  );
}
