import {
  type APIService,
  APIServices,
  type CertificateSigningRequest,
  CertificateSigningRequests,
  type CustomResourceDefinition,
  CustomResourceDefinitions,
  MutatingAdmissionPolicies,
  type MutatingAdmissionPolicy,
  type MutatingAdmissionPolicyBinding,
  MutatingAdmissionPolicyBindings,
  type MutatingWebhookConfiguration,
  MutatingWebhookConfigurations,
  ValidatingAdmissionPolicies,
  type ValidatingAdmissionPolicy,
  type ValidatingAdmissionPolicyBinding,
  ValidatingAdmissionPolicyBindings,
  type ValidatingWebhookConfiguration,
  ValidatingWebhookConfigurations,
} from 'orlop/plugin';
import {
  admissionPolicyColumns,
  apiServiceColumns,
  createdColumns,
  mutatingPolicyColumns,
  policyBindingColumns,
  signingRequestColumns,
  webhookColumns,
} from '../../printing/policies.ts';
import { signingRequestStrategy } from '../certificates/strategy.ts';
import { apiServiceStrategy, definitionStrategy } from '../extensions/strategy.ts';
import { row } from '../row.ts';
import type { ResourceRow } from '../types.ts';
import {
  admissionPolicyBindingStrategy,
  admissionPolicyStrategy,
  mutatingPolicyBindingStrategy,
  mutatingPolicyStrategy,
} from '../webhooks/policies.ts';
import { webhookStrategy } from '../webhooks/strategy.ts';

/** What others add to the API server: kinds, admission, whole groups, and the certificates they ask for. */
export const extensionRows: readonly ResourceRow[] = [
  row<CertificateSigningRequest>(CertificateSigningRequests, {
    shortNames: ['csr'],
    subresources: ['approval', 'status'],
    strategy: signingRequestStrategy,
    columns: signingRequestColumns,
    fieldSelectors: { 'spec.signerName': ({ spec }) => spec?.signerName ?? '' },
  }),
  row<MutatingWebhookConfiguration>(MutatingWebhookConfigurations, {
    categories: ['api-extensions'],
    strategy: webhookStrategy,
    columns: webhookColumns,
  }),
  row<ValidatingWebhookConfiguration>(ValidatingWebhookConfigurations, {
    categories: ['api-extensions'],
    strategy: webhookStrategy,
    columns: webhookColumns,
  }),
  row<ValidatingAdmissionPolicy>(ValidatingAdmissionPolicies, {
    categories: ['api-extensions'],
    subresources: ['status'],
    strategy: admissionPolicyStrategy,
    columns: admissionPolicyColumns,
  }),
  row<ValidatingAdmissionPolicyBinding>(ValidatingAdmissionPolicyBindings, {
    categories: ['api-extensions'],
    strategy: admissionPolicyBindingStrategy,
    columns: policyBindingColumns,
  }),
  row<MutatingAdmissionPolicy>(MutatingAdmissionPolicies, {
    categories: ['api-extensions'],
    strategy: mutatingPolicyStrategy,
    columns: mutatingPolicyColumns,
  }),
  row<MutatingAdmissionPolicyBinding>(MutatingAdmissionPolicyBindings, {
    categories: ['api-extensions'],
    strategy: mutatingPolicyBindingStrategy,
    columns: policyBindingColumns,
  }),
  row<CustomResourceDefinition>(CustomResourceDefinitions, {
    shortNames: ['crd', 'crds'],
    categories: ['api-extensions'],
    subresources: ['status'],
    strategy: definitionStrategy,
    columns: createdColumns,
  }),
  row<APIService>(APIServices, {
    categories: ['api-extensions'],
    subresources: ['status'],
    strategy: apiServiceStrategy,
    columns: apiServiceColumns,
  }),
];
