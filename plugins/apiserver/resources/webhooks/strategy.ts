import type { MutatingWebhookConfiguration, ValidatingWebhookConfiguration } from 'orlop/plugin';
import { between, each, named, oneOf, optionalOneOf, requiredName, unique } from '../checks.ts';
import { invalid, required } from '../errors.ts';
import { dns1123Subdomain } from '../names.ts';
import { validateLabelSelector } from '../selectors.ts';
import type { FieldError, Strategy } from '../types.ts';
import { defaultMatching, validateRule } from './matching.ts';

type Mutating = NonNullable<MutatingWebhookConfiguration['webhooks']>[number];
type Validating = NonNullable<ValidatingWebhookConfiguration['webhooks']>[number];
type Configuration = MutatingWebhookConfiguration | ValidatingWebhookConfiguration;
type ClientConfig = Validating['clientConfig'];

const SIDE_EFFECTS = ['None', 'NoneOnDryRun'];
const REVIEW_VERSIONS = ['v1', 'v1beta1'];

/** Source: kubernetes `pkg/apis/admissionregistration/v1/defaults.go` and `.../validation/validation.go`. */
export const webhookStrategy: Strategy<Configuration> = {
  default({ webhooks, kind }) {
    for (const webhook of (webhooks ?? []) as (Mutating & Validating)[]) {
      webhook.failurePolicy ??= 'Fail';
      webhook.timeoutSeconds ??= 10;
      if (webhook.clientConfig?.service) webhook.clientConfig.service.port ??= 443;
      if (kind === 'MutatingWebhookConfiguration') webhook.reinvocationPolicy ??= 'Never';
      defaultMatching(webhook, webhook.rules);
    }
  },
  validate({ webhooks }) {
    const twice = unique(({ name }: { name: string }) => name);
    return each(webhooks as Validating[] | undefined, 'webhooks', (webhook, at) => [
      ...requiredName(webhook.name, `${at}.name`, qualifiedDomain),
      ...twice(webhook, `${at}.name`),
      ...validateWebhook(webhook, at),
    ]);
  },
};

function qualifiedDomain(name: string): string[] {
  const wrong = dns1123Subdomain(name);
  if (wrong.length > 0 || name.split('.').length > 2) return wrong;
  return ['should be a domain with at least three segments separated by dots'];
}

function validateWebhook(webhook: Validating, field: string): FieldError[] {
  const { rules, failurePolicy, matchPolicy, sideEffects, timeoutSeconds } = webhook;
  const versions = webhook.admissionReviewVersions ?? [];
  return [
    ...(versions.length === 0
      ? [required(`${field}.admissionReviewVersions`, 'must specify one of v1, v1beta1')]
      : []),
    ...(versions.length > 0 && !versions.some((version) => REVIEW_VERSIONS.includes(version))
      ? [invalid(`${field}.admissionReviewVersions`, versions, 'must include at least one of v1, v1beta1')]
      : []),
    ...each(rules, `${field}.rules`, validateRule),
    ...optionalOneOf(failurePolicy, `${field}.failurePolicy`, ['Fail', 'Ignore']),
    ...optionalOneOf(matchPolicy, `${field}.matchPolicy`, ['Equivalent', 'Exact']),
    ...oneOf(sideEffects, `${field}.sideEffects`, SIDE_EFFECTS),
    ...between(timeoutSeconds, `${field}.timeoutSeconds`, 1, 30).map(({ value }) =>
      invalid(`${field}.timeoutSeconds`, value, 'the timeout value must be between 1 and 30 seconds'),
    ),
    ...(['namespaceSelector', 'objectSelector'] as const).flatMap((name) =>
      webhook[name] ? validateLabelSelector(webhook[name], `${field}.${name}`) : [],
    ),
    ...validateClient(webhook.clientConfig, `${field}.clientConfig`),
  ];
}

function validateClient(client: ClientConfig | undefined, field: string): FieldError[] {
  const { url, service } = client ?? {};
  if ((url === undefined) === (service === undefined)) {
    return [required(field, 'exactly one of url or service is required')];
  }
  if (service) {
    const { name, namespace, path } = service;
    return [
      ...requiredName(name, `${field}.service.name`),
      ...requiredName(namespace, `${field}.service.namespace`),
      ...(path !== undefined && !path.startsWith('/')
        ? [invalid(`${field}.service.path`, path, "must start with a '/'")]
        : []),
    ];
  }
  return named(url!, `${field}.url`, urlCheck);
}

const URL_FORM = 'desired format: https://host[/path]';

function urlCheck(text: string): string[] {
  if (!URL.canParse(text)) return [`url must be a valid URL: parse ${JSON.stringify(text)}; ${URL_FORM}`];
  const url = new URL(text);
  return [
    ...(url.protocol === 'https:' ? [] : [`'https' is the only allowed URL scheme; ${URL_FORM}`]),
    ...(url.host === '' ? [`host must be specified; ${URL_FORM}`] : []),
    ...(url.username || url.password ? ['user information is not permitted in the URL'] : []),
    ...(url.search ? ['query parameters are not permitted in the URL'] : []),
    ...(url.hash ? ['fragments are not permitted in the URL'] : []),
  ];
}
