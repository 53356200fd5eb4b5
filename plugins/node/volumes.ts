import { mkdir, rmdir } from 'node:fs/promises';
import { join, posix, resolve, sep } from 'node:path';
import { type Container, type Pod, StatusError, type Volume, type VolumeDriver } from 'orlop/plugin';
import { expand } from './expand.ts';
import type { NodeContext } from './node.ts';

/** Host path of each volume of a pod, by the volume's name. */
export type VolumePaths = ReadonlyMap<string, string>;

type Node = Pick<NodeContext, 'volumes' | 'dataDir'>;

export interface Mount {
  name: string;
  hostPath: string;
  containerPath: string;
  readOnly: boolean;
}

/** Sets up, or refreshes, all volumes of a pod. Throws what a driver throws. */
export async function setUpVolumes(node: Node, pod: Pod): Promise<VolumePaths> {
  const paths = new Map<string, string>();
  for (const volume of pod.spec?.volumes ?? []) {
    const { driver, dir } = find(node, pod, volume);
    await mkdir(dir, { recursive: true });
    paths.set(volume.name, await driver.setUp({ pod, volume, dir }));
  }
  return paths;
}

export async function tearDownVolumes(node: Node, pod: Pod): Promise<void> {
  const podDir = join(node.dataDir, 'pods', pod.metadata!.uid!);
  for (const volume of pod.spec?.volumes ?? []) {
    const type = sourceOf(volume);
    const driver = node.volumes.get(type);
    const dir = dirOf(node, pod, volume);
    // Without its driver the volume was never set up, or is left to the driver's return.
    if (driver) await driver.tearDown({ pod, volume, dir });
    for (const folder of [dir, join(podDir, 'volumes', type)]) await removeEmpty(folder);
  }
  for (const folder of [join(podDir, 'volumes'), podDir]) await removeEmpty(folder);
}

/** A container's mounts, with `subPath` and `subPathExpr` resolved inside their volumes. */
export async function mountsOf(
  container: Container,
  paths: VolumePaths,
  variables: ReadonlyMap<string, string>,
): Promise<Mount[]> {
  const mounts: Mount[] = [];
  for (const { name, mountPath, readOnly = false, subPath, subPathExpr } of container.volumeMounts ?? []) {
    const root = paths.get(name);
    if (root === undefined) {
      throw new StatusError(
        'NotFound',
        `container "${container.name}" mounts "${name}", which is no volume of its pod`,
      );
    }
    const inside = subPath ?? (subPathExpr === undefined ? '' : expand(subPathExpr, variables));
    const hostPath = inside === '' ? root : await subfolder(root, inside);
    mounts.push({ name, hostPath, containerPath: posix.resolve('/', mountPath), readOnly });
  }
  return mounts;
}

async function subfolder(root: string, inside: string): Promise<string> {
  const path = resolve(root, inside);
  if (inside.split('/').includes('..') || !path.startsWith(root + sep)) {
    throw new StatusError('Invalid', `subPath "${inside}" leads out of its volume`);
  }
  // A projected file is there already: `mkdir` then says EEXIST, and it is mounted as the file it is.
  await mkdir(path, { recursive: true }).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'EEXIST') throw error;
  });
  return path;
}

function find(node: Node, pod: Pod, volume: Volume): { driver: VolumeDriver; dir: string } {
  const type = sourceOf(volume);
  const driver = node.volumes.get(type);
  if (driver) return { driver, dir: dirOf(node, pod, volume) };
  const known = [...node.volumes.keys()].sort().join(', ') || 'none';
  throw new StatusError(
    'ServiceUnavailable',
    `volume "${volume.name}": no volume driver for "${type}" on this node (there are: ${known})`,
  );
}

function dirOf(node: Node, pod: Pod, volume: Volume): string {
  return join(node.dataDir, 'pods', pod.metadata!.uid!, 'volumes', sourceOf(volume), volume.name);
}

/** The key of the volume's source, e.g. `configMap`; a volume without one is an emptyDir. */
function sourceOf(volume: Volume): string {
  return Object.keys(volume).find((key) => key !== 'name') ?? 'emptyDir';
}

async function removeEmpty(folder: string): Promise<void> {
  await rmdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code !== 'ENOENT' && error.code !== 'ENOTEMPTY') throw error;
  });
}
