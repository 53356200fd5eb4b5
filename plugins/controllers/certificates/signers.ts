/** What a certificate request asks for. */
export interface Requested {
  readonly commonName: string;
  readonly organizations: readonly string[];
  /** Alternative names, by kind: `dns`, `ip`, `email`, `url`, ... */
  readonly names: readonly { readonly type: string; readonly value: string }[];
}

/** What is wrong with a request; `undefined` when the signer signs it. */
type Signer = (asked: Requested, usages: readonly string[]) => string | undefined;

/** The signers of the cluster's CA. Source: kubernetes `pkg/controller/certificates/signer/signer.go`. */
export const SIGNERS: Readonly<Record<string, Signer>> = {
  'kubernetes.io/kube-apiserver-client': (asked, usages) =>
    // Whoever may ask for a certificate would otherwise be who may do anything. Source: admission plugin CertificateSubjectRestriction.
    asked.organizations.includes('system:masters')
      ? 'use of kubernetes.io/kube-apiserver-client signer with system:masters group is not allowed'
      : wrongUsage(usages, 'client', 'client auth'),
  'kubernetes.io/kube-apiserver-client-kubelet': (asked, usages) =>
    wrongNode(asked) ??
    (asked.names.length > 0 ? 'subject alternative names are not allowed' : undefined) ??
    wrongUsage(usages, 'client', 'client auth'),
  'kubernetes.io/kubelet-serving': (asked, usages) =>
    wrongNode(asked) ??
    (asked.names.some(({ type }) => type !== 'dns' && type !== 'ip')
      ? 'only DNS and IP subject alternative names are allowed'
      : undefined) ??
    (asked.names.length === 0 ? 'DNS or IP subjectAltName is required' : undefined) ??
    wrongUsage(usages, 'server', 'server auth'),
};

function wrongUsage(usages: readonly string[], what: string, needed: string): string | undefined {
  const allowed = ['digital signature', 'key encipherment', needed];
  const strange = usages.find((usage) => !allowed.includes(usage));
  if (strange !== undefined) return `invalid usage for ${what} certificate: ${strange}`;
  return usages.includes(needed) ? undefined : `missing required usage for ${what} certificate: ${needed}`;
}

function wrongNode({ commonName, organizations }: Requested): string | undefined {
  if (organizations.length !== 1 || organizations[0] !== 'system:nodes')
    return 'subject organization is not system:nodes';
  return commonName.startsWith('system:node:')
    ? undefined
    : 'subject common name does not begin with system:node:';
}
