import { isIP } from 'node:net';
import type { Container, PodSpec, PodTemplateSpec, Toleration } from 'orlop/plugin';
import { between, each, named, nonNegative, oneOf, optionalName, requiredName } from '../checks.ts';
import { duplicate, forbidden, invalid, required, unsupported } from '../errors.ts';
import { validateAnnotations, validateLabels } from '../metadata.ts';
import { dns1123Label, dns1123Subdomain, qualifiedName } from '../names.ts';
import type { FieldError } from '../types.ts';
import { type ContainerContext, validateContainer } from './containers.ts';
import { validateEphemeralContainers } from './ephemeral.ts';
import { validateVolumes } from './volumes.ts';

const RESTART_POLICIES = ['Always', 'OnFailure', 'Never'];
const DNS_POLICIES = ['ClusterFirst', 'ClusterFirstWithHostNet', 'Default', 'None'];

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, ValidatePodSpec. */
export function validatePodSpec(spec: PodSpec | undefined, field: string): FieldError[] {
  if (!spec) return [required(`${field}.containers`)];
  const volumes = new Set((spec.volumes ?? []).map(({ name }) => name));
  const seen = new Set<string>();
  const context = (init: boolean): ContainerContext => ({
    volumes,
    init,
    hostNetwork: spec.hostNetwork === true,
  });
  const check =
    (init: boolean) =>
    (container: Container, at: string): FieldError[] => {
      const errors = validateContainer(container, at, context(init));
      if (container.name && seen.has(container.name)) errors.push(duplicate(`${at}.name`, container.name));
      seen.add(container.name);
      return errors;
    };
  return [
    ...validateVolumes(spec.volumes ?? [], `${field}.volumes`),
    ...((spec.containers ?? []).length === 0 ? [required(`${field}.containers`)] : []),
    ...each(spec.containers, `${field}.containers`, check(false)),
    ...each(spec.initContainers, `${field}.initContainers`, check(true)),
    ...validateEphemeralContainers(spec, `${field}.ephemeralContainers`, context(false)),
    ...oneOf(spec.restartPolicy, `${field}.restartPolicy`, RESTART_POLICIES),
    ...oneOf(spec.dnsPolicy, `${field}.dnsPolicy`, DNS_POLICIES),
    ...validateLabels(spec.nodeSelector, `${field}.nodeSelector`),
    ...nonNegative(spec.terminationGracePeriodSeconds, `${field}.terminationGracePeriodSeconds`),
    ...between(spec.activeDeadlineSeconds, `${field}.activeDeadlineSeconds`, 1, 2 ** 31 - 1),
    ...optionalName(spec.serviceAccountName, `${field}.serviceAccountName`, dns1123Subdomain),
    ...optionalName(spec.nodeName, `${field}.nodeName`, dns1123Subdomain),
    ...optionalName(spec.runtimeClassName, `${field}.runtimeClassName`, dns1123Subdomain),
    ...optionalName(spec.hostname, `${field}.hostname`, dns1123Label),
    ...optionalName(spec.subdomain, `${field}.subdomain`, dns1123Label),
    ...each(spec.imagePullSecrets, `${field}.imagePullSecrets`, ({ name }, at) =>
      requiredName(name, `${at}.name`),
    ),
    ...each(spec.tolerations, `${field}.tolerations`, validateToleration),
    ...each(spec.hostAliases, `${field}.hostAliases`, ({ ip = '', hostnames }, at) => [
      ...(isIP(ip) === 0
        ? [invalid(`${at}.ip`, ip, 'must be a valid IP address, (e.g. 10.9.8.7 or 2001:db8::ffff)')]
        : []),
      ...each(hostnames, `${at}.hostnames`, (name, nameAt) => named(name, nameAt, dns1123Subdomain)),
    ]),
  ];
}

const EFFECTS = ['NoSchedule', 'PreferNoSchedule', 'NoExecute'];

function validateToleration(toleration: Toleration, field: string): FieldError[] {
  const { key, operator = 'Equal', value, effect, tolerationSeconds } = toleration;
  const errors = key ? named(key, `${field}.key`, qualifiedName) : [];
  if (!key && operator !== 'Exists') {
    errors.push(
      invalid(
        `${field}.operator`,
        operator,
        'operator must be Exists when `key` is empty, which means "match all values and all keys"',
      ),
    );
  }
  if (operator === 'Exists' && value) {
    errors.push(invalid(`${field}.operator`, operator, "value must be empty when `operator` is 'Exists'"));
  } else if (operator !== 'Exists' && operator !== 'Equal') {
    errors.push(unsupported(`${field}.operator`, operator, ['Equal', 'Exists']));
  }
  if (effect && !EFFECTS.includes(effect)) errors.push(unsupported(`${field}.effect`, effect, EFFECTS));
  if (tolerationSeconds !== undefined && effect !== 'NoExecute') {
    errors.push(
      invalid(`${field}.effect`, effect ?? '', "effect must be 'NoExecute' when `tolerationSeconds` is set"),
    );
  }
  return errors;
}

export function validatePodTemplate(template: PodTemplateSpec | undefined, field: string): FieldError[] {
  return [
    ...validateLabels(template?.metadata?.labels, `${field}.labels`),
    ...validateAnnotations(template?.metadata?.annotations, `${field}.annotations`),
    ...validatePodSpec(template?.spec, `${field}.spec`),
    ...((template?.spec?.ephemeralContainers ?? []).length > 0
      ? [forbidden(`${field}.spec.ephemeralContainers`, 'ephemeral containers not allowed in pod template')]
      : []),
  ];
}
