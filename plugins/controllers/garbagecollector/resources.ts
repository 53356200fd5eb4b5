import { type KubeObject, OBJECT_RESOURCES, type OwnerReference, type Resource } from 'orlop/plugin';

/** The resource an owner reference points into; versions of a group are the same objects. */
export function resourceOf({ apiVersion, kind }: OwnerReference): Resource<KubeObject> | undefined {
  const group = apiVersion.includes('/') ? apiVersion.slice(0, apiVersion.indexOf('/')) : '';
  return OBJECT_RESOURCES.find((resource) => resource.kind === kind && resource.group === group);
}
