import { StatusError } from 'orlop/plugin';

/** What the path of a resource request names. */
export interface ResourcePath {
  readonly group: string;
  readonly version: string;
  readonly namespace: string | undefined;
  /** The plural. */
  readonly resource: string;
  readonly name: string | undefined;
  readonly subresource: string | undefined;
  /** What follows the subresource, e.g. the path of a proxied request; with its leading slash. */
  readonly rest: string;
  /** The deprecated `/watch/` form of the path. */
  readonly watch: boolean;
}

/** `/api/v1/...` and `/apis/GROUP/VERSION/...`; `undefined` when the path ends before a resource. Source: apiserver `requestinfo.go`. */
export function parseResourcePath(pathname: string): ResourcePath | undefined {
  const segments = pathname.split('/').slice(1);
  if (segments.at(-1) === '') segments.pop();
  const group = segments.shift() === 'apis' ? decode(segments.shift()) : '';
  const version = decode(segments.shift());
  const watch = segments[0] === 'watch';
  if (watch) segments.shift();
  if (segments.length === 0 || !version) return undefined;
  let namespace: string | undefined;
  // /namespaces/x/status is about the namespace itself; anything else below one is in it.
  if (segments[0] === 'namespaces' && segments.length > 2 && !NAMESPACE_SUBRESOURCES.has(segments[2]!)) {
    namespace = decode(segments[1]);
    segments.splice(0, 2);
  }
  const [resource, name, subresource, ...rest] = segments;
  return {
    group,
    version,
    namespace,
    resource: decode(resource),
    name: name === undefined ? undefined : decode(name),
    subresource: subresource === undefined ? undefined : decode(subresource),
    rest: rest.length === 0 ? '' : `/${rest.join('/')}`,
    watch,
  };
}

const NAMESPACE_SUBRESOURCES = new Set(['status', 'finalize']);

function decode(segment: string | undefined): string {
  try {
    return decodeURIComponent(segment ?? '');
  } catch {
    throw new StatusError(
      'BadRequest',
      `the path segment ${JSON.stringify(segment)} is not valid percent-encoding`,
    );
  }
}
