import { StatusError, type Volume } from 'orlop/plugin';

export interface ProjectedFile {
  data: Uint8Array;
  /** Permission bits. */
  mode: number;
}

/** Files by their path relative to the volume. */
export type FileSet = Map<string, ProjectedFile>;

export interface KeyToPath {
  key: string;
  path: string;
  mode?: number;
}

export interface ObjectSource {
  kind: 'ConfigMap' | 'Secret';
  name: string;
  optional: boolean;
  items: KeyToPath[] | undefined;
}

export interface TokenSource {
  kind: 'ServiceAccountToken';
  path: string;
  /** `undefined`: the API server. */
  audience: string | undefined;
  expirationSeconds: number;
}

export type DownwardItem = NonNullable<NonNullable<Volume['downwardAPI']>['items']>[number];

export type Source =
  | ObjectSource
  | TokenSource
  | { kind: 'DownwardAPI'; items: DownwardItem[] }
  | { kind: 'Unsupported'; name: string };

const DEFAULT_MODE = 0o644;
const TOKEN_SECONDS = 3600;

/** Where a volume's files come from, in order: later ones win. */
export function sourcesOf(volume: Volume): { sources: Source[]; defaultMode: number } {
  const { configMap, secret, downwardAPI, projected } = volume;
  const defaultMode = (configMap ?? secret ?? downwardAPI ?? projected)?.defaultMode ?? DEFAULT_MODE;
  if (projected) {
    const sources = (projected.sources ?? []).map((each): Source => {
      if (each.configMap) return object('ConfigMap', each.configMap.name, each.configMap);
      if (each.secret) return object('Secret', each.secret.name, each.secret);
      if (each.downwardAPI) return { kind: 'DownwardAPI', items: each.downwardAPI.items ?? [] };
      if (each.serviceAccountToken) {
        const { path, audience, expirationSeconds = TOKEN_SECONDS } = each.serviceAccountToken;
        return { kind: 'ServiceAccountToken', path, audience, expirationSeconds };
      }
      return { kind: 'Unsupported', name: Object.keys(each)[0] ?? 'none' };
    });
    return { sources, defaultMode };
  }
  if (configMap) return { sources: [object('ConfigMap', configMap.name, configMap)], defaultMode };
  if (secret) return { sources: [object('Secret', secret.secretName, secret)], defaultMode };
  return { sources: [{ kind: 'DownwardAPI', items: downwardAPI?.items ?? [] }], defaultMode };
}

/** All keys of an object as files of their names, or just the `items` at their paths. */
export function projectKeys(
  source: ObjectSource,
  data: ReadonlyMap<string, Uint8Array>,
  defaultMode: number,
): FileSet {
  const files: FileSet = new Map();
  const items = source.items ?? [...data.keys()].map((key): KeyToPath => ({ key, path: key }));
  for (const { key, path, mode } of items) {
    const value = data.get(key);
    if (value !== undefined) files.set(safePath(path), { data: value, mode: mode ?? defaultMode });
    else if (!source.optional) {
      throw new StatusError(
        'NotFound',
        `${source.kind} "${source.name}" references non-existent key: ${key}`,
      );
    }
  }
  return files;
}

/** Throws `Invalid` for a path that would lead out of the volume or into its bookkeeping. */
export function safePath(path: string): string {
  const parts = path.split('/');
  if (path === '' || path.startsWith('/') || parts.includes('..') || parts[0]!.startsWith('..')) {
    throw new StatusError('Invalid', `"${path}" is not a relative path inside the volume`);
  }
  return path;
}

function object(
  kind: 'ConfigMap' | 'Secret',
  name: string | undefined,
  { items, optional = false }: { items?: KeyToPath[]; optional?: boolean },
): ObjectSource {
  return { kind, name: name ?? '', optional, items };
}
