import { parseQuantity, type Volume } from 'orlop/plugin';
import { each, optionalOneOf, relativePath, requiredName } from '../checks.ts';
import { duplicate, forbidden, invalid, required } from '../errors.ts';
import { configMapKey, dns1123Label } from '../names.ts';
import type { FieldError } from '../types.ts';

const HOST_PATH_TYPES = [
  '',
  'DirectoryOrCreate',
  'Directory',
  'FileOrCreate',
  'File',
  'Socket',
  'CharDevice',
  'BlockDevice',
];
const MAX_MODE = 0o777;

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidateVolumes. */
export function validateVolumes(volumes: readonly Volume[], field: string): FieldError[] {
  const names = new Set<string>();
  return each(volumes, field, (volume, at) => {
    const errors = requiredName(volume.name, `${at}.name`, dns1123Label);
    if (volume.name && names.has(volume.name)) errors.push(duplicate(`${at}.name`, volume.name));
    names.add(volume.name);
    return [...errors, ...validateSource(volume, at)];
  });
}

function validateSource(volume: Volume, field: string): FieldError[] {
  const errors: FieldError[] = [];
  const sources = Object.keys(volume).filter((key) => key !== 'name');
  for (const source of sources.slice(1)) {
    errors.push(forbidden(`${field}.${source}`, 'may not specify more than 1 volume type'));
  }
  const { secret, configMap, hostPath, persistentVolumeClaim, emptyDir, downwardAPI, projected } = volume;
  if (secret) {
    errors.push(...requiredName(secret.secretName, `${field}.secret.secretName`));
    errors.push(...validateFiles(secret, `${field}.secret`));
  }
  if (configMap) {
    errors.push(...requiredName(configMap.name, `${field}.configMap.name`));
    errors.push(...validateFiles(configMap, `${field}.configMap`));
  }
  if (downwardAPI) errors.push(...validateMode(downwardAPI.defaultMode, `${field}.downwardAPI.defaultMode`));
  if (projected) errors.push(...validateMode(projected.defaultMode, `${field}.projected.defaultMode`));
  if (hostPath) {
    const at = `${field}.hostPath.path`;
    if (!hostPath.path) errors.push(required(at));
    else if (hostPath.path.split('/').includes('..')) {
      errors.push(invalid(at, hostPath.path, "must not contain '..'"));
    }
    errors.push(...optionalOneOf(hostPath.type, `${field}.hostPath.type`, HOST_PATH_TYPES));
  }
  if (persistentVolumeClaim) {
    errors.push(...requiredName(persistentVolumeClaim.claimName, `${field}.persistentVolumeClaim.claimName`));
  }
  if (emptyDir?.sizeLimit !== undefined && (parseQuantity(emptyDir.sizeLimit) ?? 0) < 0) {
    errors.push(
      forbidden(`${field}.emptyDir.sizeLimit`, 'SizeLimit field must be a valid resource quantity'),
    );
  }
  return errors;
}

function validateFiles(
  { defaultMode, items }: { defaultMode?: number; items?: { key: string; path: string; mode?: number }[] },
  field: string,
): FieldError[] {
  return [
    ...validateMode(defaultMode, `${field}.defaultMode`),
    ...each(items, `${field}.items`, ({ key, path, mode }, at) => [
      ...requiredName(key, `${at}.key`, configMapKey),
      ...(path ? relativePath(path, `${at}.path`) : [required(`${at}.path`)]),
      ...validateMode(mode, `${at}.mode`),
    ]),
  ];
}

function validateMode(mode: number | undefined, field: string): FieldError[] {
  return mode !== undefined && (mode < 0 || mode > MAX_MODE)
    ? [invalid(field, mode, 'must be a number between 0 and 0777 (octal), both inclusive')]
    : [];
}
