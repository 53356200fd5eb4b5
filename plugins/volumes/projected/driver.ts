import { rm } from 'node:fs/promises';
import {
  ConfigMaps,
  notFound,
  type ObjectClient,
  Secrets,
  StatusError,
  type VolumeDriver,
  type VolumeRequest,
} from 'orlop/plugin';
import { writeAtomically } from './atomic-writer.ts';
import { downwardFiles } from './downward.ts';
import { type FileSet, type ObjectSource, projectKeys, type Source, safePath, sourcesOf } from './files.ts';
import type { PodTokens } from './tokens.ts';

/** What the store's cache holds; it has seen all that was written before the pod. */
const CACHED = { revision: 0 };

/** One driver for every volume whose files come from objects of the API. `nodeIP` is for `status.hostIP`. */
export function projectionDriver(
  objects: ObjectClient,
  tokens: PodTokens,
  nodeIP: () => string,
): VolumeDriver {
  async function dataOf(
    kind: 'ConfigMap' | 'Secret',
    key: { namespace: string; name: string },
  ): Promise<Map<string, Buffer> | undefined> {
    if (kind === 'Secret') {
      const secret = await objects.get(Secrets, key, CACHED);
      return secret && decoded(secret.value.data);
    }
    const configMap = await objects.get(ConfigMaps, key, CACHED);
    if (!configMap) return undefined;
    const { data = {}, binaryData } = configMap.value;
    const text = Object.entries(data).map(([name, value]): [string, Buffer] => [name, Buffer.from(value)]);
    return new Map([...text, ...decoded(binaryData)]);
  }

  async function filesOf(
    source: Source,
    { pod, dir }: Pick<VolumeRequest, 'pod' | 'dir'>,
    defaultMode: number,
  ): Promise<FileSet> {
    switch (source.kind) {
      case 'DownwardAPI':
        return downwardFiles(pod, source.items, defaultMode, nodeIP());
      case 'ServiceAccountToken': {
        const file = { data: await tokens.get(pod, source, dir), mode: defaultMode };
        return new Map([[safePath(source.path), file]]);
      }
      case 'Unsupported': {
        const text = `volume source "${source.name}" is not supported by volume-projected`;
        throw new StatusError('Invalid', text);
      }
      default:
        return objectFiles(source, pod.metadata!.namespace!, defaultMode);
    }
  }

  async function objectFiles(source: ObjectSource, namespace: string, defaultMode: number): Promise<FileSet> {
    const data = await dataOf(source.kind, { namespace, name: source.name });
    if (data) return projectKeys(source, data, defaultMode);
    if (source.optional) return new Map();
    throw notFound(source.kind === 'Secret' ? Secrets : ConfigMaps, source.name);
  }

  return {
    async setUp({ pod, volume, dir }) {
      const { sources, defaultMode } = sourcesOf(volume);
      const files: FileSet = new Map();
      for (const source of sources) {
        for (const [path, file] of await filesOf(source, { pod, dir }, defaultMode)) files.set(path, file);
      }
      await writeAtomically(dir, files);
      return dir;
    },
    async tearDown({ pod, dir }) {
      tokens.forget(pod);
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function decoded(data: Record<string, string> = {}): Map<string, Buffer> {
  return new Map(Object.entries(data).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]));
}
