import { StatusError } from 'orlop/plugin';

/** What form of an answer a client wants; `as` as in the media type parameter. */
export type Form = 'Object' | 'Table' | 'PartialObjectMetadata' | 'PartialObjectMetadataList';

export interface MediaRange {
  readonly type: string;
  readonly parameters: Readonly<Record<string, string>>;
}

/** An `Accept` header's ranges, best first. */
export function parseAccept(header: string): MediaRange[] {
  const ranges = header.split(',').flatMap((text, index) => {
    const [type = '', ...rest] = text.split(';').map((part) => part.trim());
    if (type === '') return [];
    const parameters = Object.fromEntries(
      rest.map((part) => {
        const [name = '', value = ''] = part.split('=');
        return [name.trim().toLowerCase(), value.trim().replaceAll('"', '')];
      }),
    );
    return [{ type: type.toLowerCase(), parameters, quality: Number(parameters['q'] ?? 1), index }];
  });
  return ranges.sort((left, right) => right.quality - left.quality || left.index - right.index);
}

const FORMS = new Set<string>(['Table', 'PartialObjectMetadata', 'PartialObjectMetadataList']);
const PLAIN = new Set(['', '*/*', 'application/json']);
const JSON_TYPES = new Set(['*/*', 'application/*', 'application/json']);

/** Whether YAML is liked better than JSON. */
export function prefersYaml(header: string): boolean {
  if (!header.includes('yaml')) return false;
  const best = parseAccept(header).find(({ type }) => type === 'application/yaml' || JSON_TYPES.has(type));
  return best?.type === 'application/yaml';
}

/** Throws NotAcceptable when the client takes nothing that can be served. */
export function acceptedForm(header: string): Form {
  if (PLAIN.has(header)) return 'Object';
  const ranges = parseAccept(header);
  for (const { type, parameters } of ranges) {
    const { as, g, v } = parameters;
    // Protobuf is asked for first by typed clients; all of them take JSON too.
    if (!JSON_TYPES.has(type)) continue;
    if (as === undefined) return 'Object';
    if (FORMS.has(as) && g === 'meta.k8s.io' && v === 'v1') return as as Form;
  }
  if (ranges.some(({ type }) => type === 'application/yaml' || type === 'text/html' || type === 'text/*'))
    return 'Object';
  throw new StatusError(
    'NotAcceptable',
    'only the following media types are accepted: application/json, application/json;as=Table;v=v1;g=meta.k8s.io, application/json;as=PartialObjectMetadata;v=v1;g=meta.k8s.io',
  );
}
