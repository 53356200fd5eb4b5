import { type Definition, type Definitions, referenceTo } from './definitions.ts';

const API = 'io.k8s.api';
const EXTENSIONS = 'io.k8s.apiextensions-apiserver.pkg.apis.apiextensions';

/** Definition of an older version -> the newer one it is, but for what `OLDER_FIELDS` says. */
export const SAME_AS: Readonly<Record<string, string>> = {
  [`${API}.batch.v1beta1.CronJob`]: `${API}.batch.v1.CronJob`,
  [`${API}.policy.v1beta1.PodDisruptionBudget`]: `${API}.policy.v1.PodDisruptionBudget`,
  [`${API}.rbac.v1beta1.Role`]: `${API}.rbac.v1.Role`,
  [`${API}.rbac.v1beta1.RoleBinding`]: `${API}.rbac.v1.RoleBinding`,
  [`${API}.rbac.v1beta1.ClusterRole`]: `${API}.rbac.v1.ClusterRole`,
  [`${API}.rbac.v1beta1.ClusterRoleBinding`]: `${API}.rbac.v1.ClusterRoleBinding`,
  [`${API}.networking.v1beta1.Ingress`]: `${API}.networking.v1.Ingress`,
  [`${API}.networking.v1beta1.IngressClass`]: `${API}.networking.v1.IngressClass`,
  [`${API}.extensions.v1beta1.Ingress`]: `${API}.networking.v1.Ingress`,
  [`${API}.discovery.v1beta1.EndpointSlice`]: `${API}.discovery.v1.EndpointSlice`,
  [`${EXTENSIONS}.v1beta1.CustomResourceDefinition`]: `${EXTENSIONS}.v1.CustomResourceDefinition`,
};

const OLD = `${API}.networking.v1beta1`;
const TEXT: Definition = { type: 'string' };
const listOf = (name: string): Definition => ({ type: 'array', items: referenceTo(name) });
const SPEC = { spec: referenceTo(`${OLD}.IngressSpec`) };
const WORDS: Definition = { type: 'object', additionalProperties: TEXT };

/** Fields that an older version has other than the newer. */
const OLDER_FIELDS: Readonly<Record<string, Record<string, Definition>>> = {
  [`${OLD}.Ingress`]: SPEC,
  [`${API}.extensions.v1beta1.Ingress`]: SPEC,
  [`${API}.discovery.v1beta1.EndpointSlice`]: { endpoints: listOf(`${API}.discovery.v1beta1.Endpoint`) },
  [`${EXTENSIONS}.v1beta1.CustomResourceDefinition`]: {
    spec: referenceTo(`${EXTENSIONS}.v1beta1.CustomResourceDefinitionSpec`),
  },
};

function struct(properties: Record<string, Definition>): Definition {
  return { type: 'object', properties };
}

function partsOfIngress(): Definitions {
  return {
    [`${OLD}.IngressSpec`]: struct({
      backend: referenceTo(`${OLD}.IngressBackend`),
      ingressClassName: TEXT,
      rules: listOf(`${OLD}.IngressRule`),
      tls: listOf(`${API}.networking.v1.IngressTLS`),
    }),
    [`${OLD}.IngressRule`]: struct({ host: TEXT, http: referenceTo(`${OLD}.HTTPIngressRuleValue`) }),
    [`${OLD}.HTTPIngressRuleValue`]: struct({ paths: listOf(`${OLD}.HTTPIngressPath`) }),
    [`${OLD}.HTTPIngressPath`]: struct({
      path: TEXT,
      pathType: TEXT,
      backend: referenceTo(`${OLD}.IngressBackend`),
    }),
    [`${OLD}.IngressBackend`]: struct({
      serviceName: TEXT,
      servicePort: referenceTo('io.k8s.apimachinery.pkg.util.intstr.IntOrString'),
      resource: referenceTo(`${API}.core.v1.TypedLocalObjectReference`),
    }),
  };
}

/** The older form says once for all versions what the newer says of each. */
function partsOfCustomResourceDefinition(newer: Definitions): Definitions {
  const of = (kind: string): Record<string, Definition> => newer[`${EXTENSIONS}.v1.${kind}`]!.properties!;
  const named = (kind: string): string => `${EXTENSIONS}.v1beta1.${kind}`;
  const columns = listOf(named('CustomResourceColumnDefinition'));
  const { jsonPath, ...column } = of('CustomResourceColumnDefinition');
  return {
    [named('CustomResourceDefinitionSpec')]: struct({
      ...of('CustomResourceDefinitionSpec'),
      version: TEXT,
      versions: listOf(named('CustomResourceDefinitionVersion')),
      validation: referenceTo(`${EXTENSIONS}.v1.CustomResourceValidation`),
      subresources: referenceTo(`${EXTENSIONS}.v1.CustomResourceSubresources`),
      additionalPrinterColumns: columns,
      conversion: referenceTo(named('CustomResourceConversion')),
    }),
    [named('CustomResourceDefinitionVersion')]: struct({
      ...of('CustomResourceDefinitionVersion'),
      additionalPrinterColumns: columns,
    }),
    [named('CustomResourceColumnDefinition')]: struct({ ...column, JSONPath: jsonPath! }),
    [named('CustomResourceConversion')]: struct({
      strategy: TEXT,
      webhookClientConfig: referenceTo(`${EXTENSIONS}.v1.WebhookClientConfig`),
      conversionReviewVersions: { type: 'array', items: TEXT },
    }),
  };
}

/** Definitions of the older versions that are still served, made of those of the newer. */
export function olderDefinitions(newer: Definitions): Definitions {
  const { zone: _, deprecatedTopology: __, ...endpoint } = newer[`${API}.discovery.v1.Endpoint`]!.properties!;
  const older: Definitions = {
    ...partsOfIngress(),
    ...partsOfCustomResourceDefinition(newer),
    [`${API}.discovery.v1beta1.Endpoint`]: struct({ ...endpoint, topology: WORDS }),
  };
  for (const [name, source] of Object.entries(SAME_AS)) {
    const [, version = '', group] = name.split('.').reverse();
    const definition = newer[source]!;
    const kinds = definition['x-kubernetes-group-version-kind'] ?? [];
    older[name] = {
      ...definition,
      properties: { ...definition.properties, ...OLDER_FIELDS[name] },
      'x-kubernetes-group-version-kind': kinds.map((kind) => ({
        ...kind,
        group: group === 'extensions' ? 'extensions' : kind.group,
        version,
      })),
    };
    const list = newer[`${source}List`];
    if (!list) continue;
    older[`${name}List`] = {
      ...list,
      properties: { ...list.properties, items: listOf(name) },
      'x-kubernetes-group-version-kind': older[name]['x-kubernetes-group-version-kind']!.map((kind) => ({
        ...kind,
        kind: `${kind.kind}List`,
      })),
    };
  }
  return older;
}
