import { rm } from 'node:fs/promises';
import {
  ConfigMaps,
  notFound,
  type ObjectClient,
  Secrets,
  StatusError,
  type VolumeDriver,
} from 'orlop/plugin';
import { writeAtomically } from './atomic-writer.ts';
import { downwardFiles } from './downward.ts';
import { type FileSet, projectKeys, type Source, sourcesOf } from './files.ts';

/** What the store's cache holds; it has seen all that was written before the pod. */
const CACHED = { revision: 0 };

/** One driver for every volume whose files come from objects of the API. `nodeIP` is for `status.hostIP`. */
export function projectionDriver(objects: ObjectClient, nodeIP: () => string): VolumeDriver {
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
    source: Exclude<Source, { kind: 'DownwardAPI' }>,
    namespace: string,
    defaultMode: number,
  ): Promise<FileSet> {
    if (source.kind === 'Unsupported') {
      throw new StatusError('Invalid', `volume source "${source.name}" is not supported by volume-projected`);
    }
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
        const more =
          source.kind === 'DownwardAPI'
            ? downwardFiles(pod, source.items, defaultMode, nodeIP())
            : await filesOf(source, pod.metadata!.namespace!, defaultMode);
        for (const [path, file] of more) files.set(path, file);
      }
      await writeAtomically(dir, files);
      return dir;
    },
    async tearDown({ dir }) {
      await rm(dir, { recursive: true, force: true });
    },
  };
}

function decoded(data: Record<string, string> = {}): Map<string, Buffer> {
  return new Map(Object.entries(data).map(([name, base64]) => [name, Buffer.from(base64, 'base64')]));
}
