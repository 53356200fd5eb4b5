import { type Definition, type Definitions, referenceTo } from './definitions.ts';

const ADMISSION = 'io.k8s.api.admissionregistration.v1';
const CORE = 'io.k8s.api.core.v1';
const QUANTITY = referenceTo('io.k8s.apimachinery.pkg.api.resource.Quantity');

/** Model -> definition, of kinds that neither the document nor kubectl's binary knows; what they refer to is in the same package. */
export const NEWER_KINDS: Readonly<Record<string, string>> = Object.fromEntries(
  ['', 'List', 'Binding', 'BindingList'].map((suffix) => [
    `V1MutatingAdmissionPolicy${suffix}`,
    `${ADMISSION}.MutatingAdmissionPolicy${suffix}`,
  ]),
);

function mapOf(key: string, strategy?: string): Definition {
  const patch = { 'x-kubernetes-patch-merge-key': key, 'x-kubernetes-patch-strategy': strategy! };
  return {
    'x-kubernetes-list-type': 'map',
    'x-kubernetes-list-map-keys': [key],
    ...(strategy ? patch : {}),
  };
}
const SET: Definition = { 'x-kubernetes-list-type': 'set' };
const ATOMIC: Definition = { 'x-kubernetes-map-type': 'atomic' };

/**
 * Definition -> field (`''`: itself) -> what the models do not say of what is newer than the document; a list without a type is
 * atomic. Source: the markers in kubernetes `staging/src/k8s.io/api/.../types.go`.
 */
const NEWER_KEYS: Readonly<Record<string, Record<string, Definition>>> = {
  [`${CORE}.ContainerStatus`]: {
    allocatedResourcesStatus: mapOf('name', 'merge'),
    volumeMounts: mapOf('mountPath', 'merge'),
  },
  [`${CORE}.ContainerRestartRuleOnExitCodes`]: { values: SET },
  [`${CORE}.FileKeySelector`]: { '': ATOMIC },
  [`${CORE}.PodStatus`]: {
    hostIPs: {
      'x-kubernetes-list-type': 'atomic',
      'x-kubernetes-patch-merge-key': 'ip',
      'x-kubernetes-patch-strategy': 'merge',
    },
    resourceClaimStatuses: mapOf('name', 'merge,retainKeys'),
  },
  [`${CORE}.ResourceStatus`]: { resources: mapOf('resourceID') },
  [`${CORE}.NodeAllocatableResourceClaimStatus`]: {
    containers: SET,
    resources: { additionalProperties: QUANTITY },
  },
  'io.k8s.api.networking.v1.ServiceCIDRStatus': { conditions: mapOf('type', 'merge') },
  [`${ADMISSION}.MatchResources`]: { '': ATOMIC },
  [`${ADMISSION}.NamedRuleWithOperations`]: { '': ATOMIC },
  [`${ADMISSION}.ParamKind`]: { '': ATOMIC },
  [`${ADMISSION}.ParamRef`]: { '': ATOMIC },
  [`${ADMISSION}.ValidatingAdmissionPolicyBindingSpec`]: { validationActions: SET },
  [`${ADMISSION}.ValidatingAdmissionPolicySpec`]: {
    matchConditions: mapOf('name', 'merge'),
    variables: mapOf('name', 'merge'),
  },
  [`${ADMISSION}.ValidatingAdmissionPolicyStatus`]: { conditions: mapOf('type') },
  [`${ADMISSION}.MutatingAdmissionPolicySpec`]: { matchConditions: mapOf('name', 'merge') },
};

export function addNewerKeys(definitions: Definitions): void {
  for (const [name, fields] of Object.entries(NEWER_KEYS)) {
    const definition = definitions[name];
    for (const [field, keys] of Object.entries(fields)) {
      const place = field === '' ? definition : definition?.properties?.[field];
      // The table is out of date with the packages.
      if (!place) throw new Error(`the models have no ${name} with a field ${JSON.stringify(field)}`);
      Object.assign(place, keys);
    }
  }
}
