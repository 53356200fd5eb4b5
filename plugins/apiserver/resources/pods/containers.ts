import type { Container, EnvVar } from 'orlop/plugin';
import { each, named, oneOf, optionalOneOf, portNumber, relativePath, requiredName } from '../checks.ts';
import { duplicate, forbidden, invalid, missing, required, unsupported } from '../errors.ts';
import { configMapKey, dns1123Label, envVarName, portName } from '../names.ts';
import type { FieldError } from '../types.ts';
import { validateHandler, validateProbes } from './probes.ts';
import { validateResources } from './resources.ts';

export interface ContainerContext {
  /** Names of the pod's volumes. */
  volumes: ReadonlySet<string>;
  init: boolean;
  hostNetwork: boolean;
}

const PULL_POLICIES = ['Always', 'IfNotPresent', 'Never'];
const MESSAGE_POLICIES = ['File', 'FallbackToLogsOnError'];
const PROTOCOLS = ['TCP', 'UDP', 'SCTP'];

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, validateContainerCommon. */
export function validateContainer(
  container: Container,
  field: string,
  context: ContainerContext,
): FieldError[] {
  const { lifecycle } = container;
  return [
    ...requiredName(container.name, `${field}.name`, dns1123Label),
    ...validateImage(container.image, `${field}.image`),
    ...oneOf(container.terminationMessagePolicy, `${field}.terminationMessagePolicy`, MESSAGE_POLICIES),
    ...validatePorts(container, `${field}.ports`, context.hostNetwork),
    ...each(container.env, `${field}.env`, validateEnv),
    ...each(container.envFrom, `${field}.envFrom`, validateEnvFrom),
    ...validateMounts(container, `${field}.volumeMounts`, context.volumes),
    ...oneOf(container.imagePullPolicy, `${field}.imagePullPolicy`, PULL_POLICIES),
    ...validateResources(container.resources, `${field}.resources`),
    ...each(container.resizePolicy, `${field}.resizePolicy`, ({ resourceName, restartPolicy }, at) => [
      ...oneOf(resourceName, `${at}.resourceName`, ['cpu', 'memory']),
      ...oneOf(restartPolicy, `${at}.restartPolicy`, ['NotRequired', 'RestartContainer']),
    ]),
    ...(lifecycle?.postStart ? validateHandler(lifecycle.postStart, `${field}.lifecycle.postStart`) : []),
    ...(lifecycle?.preStop ? validateHandler(lifecycle.preStop, `${field}.lifecycle.preStop`) : []),
    ...validateProbes(container, field, context.init),
  ];
}

function validateImage(image: string | undefined, field: string): FieldError[] {
  if (!image) return [required(field)];
  return image === image.trim()
    ? []
    : [invalid(field, image, 'must not have leading or trailing whitespace')];
}

function validatePorts({ ports }: Container, field: string, hostNetwork: boolean): FieldError[] {
  const names = new Set<string>();
  return each(ports, field, ({ name, containerPort, hostPort, protocol }, at) => {
    const errors: FieldError[] = [];
    if (name) {
      errors.push(...named(name, `${at}.name`, portName));
      if (names.has(name)) errors.push(duplicate(`${at}.name`, name));
      names.add(name);
    }
    if (!containerPort) errors.push(required(`${at}.containerPort`));
    else errors.push(...portNumber(containerPort, `${at}.containerPort`));
    if (hostPort) {
      errors.push(...portNumber(hostPort, `${at}.hostPort`));
      if (hostNetwork && hostPort !== containerPort) {
        errors.push(
          invalid(`${at}.containerPort`, containerPort, 'must match `hostPort` when `hostNetwork` is true'),
        );
      }
    }
    return [...errors, ...oneOf(protocol, `${at}.protocol`, PROTOCOLS)];
  });
}

const FIELD_PATHS = [
  'metadata.name',
  'metadata.namespace',
  'metadata.uid',
  'spec.nodeName',
  'spec.serviceAccountName',
  'status.hostIP',
  'status.hostIPs',
  'status.podIP',
  'status.podIPs',
];
const SUBSCRIPT = /^metadata\.(labels|annotations)\['[^']+'\]$/;

function validateEnv(env: EnvVar, field: string): FieldError[] {
  const errors = requiredName(env.name, `${field}.name`, envVarName);
  if (!env.valueFrom) return errors;
  const at = `${field}.valueFrom`;
  const { fieldRef, resourceFieldRef, configMapKeyRef, secretKeyRef } = env.valueFrom;
  const sources = Object.values(env.valueFrom).filter((source) => source !== undefined).length;
  if (sources === 0) {
    errors.push(
      invalid(
        at,
        '',
        'must specify one of: `fieldRef`, `resourceFieldRef`, `configMapKeyRef` or `secretKeyRef`',
      ),
    );
  } else if (sources > 1) {
    errors.push(invalid(at, '', 'may not have more than one field specified at a time'));
  }
  if (env.value) errors.push(invalid(at, '', 'may not be specified when `value` is not empty'));
  if (fieldRef) {
    const path = fieldRef.fieldPath;
    if (!path) errors.push(required(`${at}.fieldRef.fieldPath`));
    else if (!FIELD_PATHS.includes(path) && !SUBSCRIPT.test(path)) {
      errors.push(unsupported(`${at}.fieldRef.fieldPath`, path, FIELD_PATHS));
    }
  }
  if (resourceFieldRef && !resourceFieldRef.resource)
    errors.push(required(`${at}.resourceFieldRef.resource`));
  for (const [name, reference] of Object.entries({ configMapKeyRef, secretKeyRef })) {
    if (!reference) continue;
    errors.push(...requiredName(reference.name, `${at}.${name}.name`));
    errors.push(...requiredName(reference.key, `${at}.${name}.key`, configMapKey));
  }
  return errors;
}

function validateEnvFrom(source: NonNullable<Container['envFrom']>[number], field: string): FieldError[] {
  const { prefix, configMapRef, secretRef } = source;
  const errors = prefix ? named(prefix, `${field}.prefix`, envVarName) : [];
  if (!configMapRef && !secretRef) {
    errors.push(invalid(field, '', 'must specify one of: `configMapRef` or `secretRef`'));
  } else if (configMapRef && secretRef) {
    errors.push(invalid(field, '', 'may not have more than one field specified at a time'));
  }
  if (configMapRef) errors.push(...requiredName(configMapRef.name, `${field}.configMapRef.name`));
  if (secretRef) errors.push(...requiredName(secretRef.name, `${field}.secretRef.name`));
  return errors;
}

const PROPAGATIONS = ['None', 'HostToContainer', 'Bidirectional'];

function validateMounts(
  { volumeMounts }: Container,
  field: string,
  volumes: ReadonlySet<string>,
): FieldError[] {
  const paths = new Set<string>();
  return each(volumeMounts, field, (mount, at) => {
    const { name, mountPath, subPath, subPathExpr, mountPropagation } = mount;
    const errors: FieldError[] = [];
    if (!name) errors.push(required(`${at}.name`));
    else if (!volumes.has(name)) errors.push(missing(`${at}.name`, name));
    if (!mountPath) errors.push(required(`${at}.mountPath`));
    else if (paths.has(mountPath)) errors.push(invalid(`${at}.mountPath`, mountPath, 'must be unique'));
    paths.add(mountPath);
    if (subPath && subPathExpr)
      errors.push(forbidden(`${at}.subPathExpr`, 'subPathExpr and subPath are mutually exclusive'));
    if (subPath) errors.push(...relativePath(subPath, `${at}.subPath`));
    if (subPathExpr) errors.push(...relativePath(subPathExpr, `${at}.subPathExpr`));
    return [...errors, ...optionalOneOf(mountPropagation, `${at}.mountPropagation`, PROPAGATIONS)];
  });
}
