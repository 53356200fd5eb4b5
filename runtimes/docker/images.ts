import type { PullPolicy, PullResult } from 'orlop/plugin';
import { completed, type Engine, engineError, found } from './engine.ts';

/** An image name in its full form. Source: distribution/reference. */
export interface ImageReference {
  /** e.g. `docker.io/library/nginx` */
  repository: string;
  /** `sha256:...` or a tag; `latest` by default. */
  version: string;
  /** The whole: `docker.io/library/nginx:1.14.2`. */
  full: string;
}

const COMPONENT = /^[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*$/;
const DOMAIN =
  /^(?:[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?(?:\.[a-zA-Z0-9](?:[a-zA-Z0-9-]*[a-zA-Z0-9])?)*)(?::\d+)?$/;
const TAG = /^\w[\w.-]{0,127}$/;
const DIGEST = /^[A-Za-z][A-Za-z0-9]*(?:[-_+.][A-Za-z][A-Za-z0-9]*)*:[0-9a-fA-F]{32,}$/;

/** Normalises an image name as Docker does (`nginx` -> `docker.io/library/nginx:latest`). `undefined`: not a name. */
export function parseImage(text: string): ImageReference | undefined {
  const at = text.indexOf('@');
  const digest = at < 0 ? undefined : text.slice(at + 1);
  const named = at < 0 ? text : text.slice(0, at);
  const colon = named.lastIndexOf(':');
  const tagged = colon > named.lastIndexOf('/');
  const tag = tagged ? named.slice(colon + 1) : undefined;
  const [domain, path] = splitDomain(tagged ? named.slice(0, colon) : named);
  if (!DOMAIN.test(domain) || !path.split('/').every((part) => COMPONENT.test(part))) return undefined;
  if (tag !== undefined && !TAG.test(tag)) return undefined;
  if (digest !== undefined && !DIGEST.test(digest)) return undefined;
  const repository = `${domain}/${path}`;
  const version = digest ?? tag ?? 'latest';
  return { repository, version, full: `${repository}${digest ? '@' : ':'}${version}` };
}

function splitDomain(name: string): [domain: string, path: string] {
  const slash = name.indexOf('/');
  const first = name.slice(0, slash);
  const isDomain =
    slash > 0 && (/[.:]/.test(first) || first === 'localhost' || first !== first.toLowerCase());
  if (isDomain && first !== 'docker.io') return [first, name.slice(slash + 1)];
  const path = isDomain ? name.slice(slash + 1) : name;
  return ['docker.io', path.includes('/') ? path : `library/${path}`];
}

export async function pullImage(
  engine: Engine,
  address: string,
  image: string,
  policy: PullPolicy,
  signal?: AbortSignal,
): Promise<PullResult> {
  const reference = parseImage(image);
  if (!reference) {
    return {
      ok: false,
      reason: 'InvalidImageName',
      message: `Failed to apply default image tag "${image}": couldn't parse image name "${image}": invalid reference format`,
    };
  }
  const present = policy === 'Always' ? undefined : await found(engine.getImage(reference.full).inspect());
  if (present) return { ok: true, imageId: present.Id };
  if (policy === 'Never') {
    return {
      ok: false,
      reason: 'ErrImageNeverPull',
      message: `Container image "${image}" is not present with pull policy of Never`,
    };
  }
  try {
    await pull(engine, reference, signal);
    return { ok: true, imageId: (await engine.getImage(reference.full).inspect()).Id };
  } catch (error) {
    signal?.throwIfAborted();
    return { ok: false, reason: 'ErrImagePull', message: engineError(error, address).message };
  }
}

async function pull(engine: Engine, reference: ImageReference, signal?: AbortSignal): Promise<void> {
  const progress = await engine.createImage({
    fromImage: reference.repository,
    tag: reference.version,
    ...(signal ? { abortSignal: signal } : {}),
  });
  await completed(engine, progress);
}
