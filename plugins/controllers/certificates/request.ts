import type { Requested } from './signers.ts';

const SUBJECT_ALTERNATIVE_NAME = '2.5.29.17';

/** Throws for what is no PKCS #10 request in PEM. */
export async function readRequest(pem: string): Promise<Requested> {
  // Loaded when first needed, with what its dependency injection needs to be there first.
  await import('reflect-metadata');
  const x509 = await import('@peculiar/x509');
  const asked = new x509.Pkcs10CertificateRequest(pem);
  const names = asked.extensions.find(({ type }) => type === SUBJECT_ALTERNATIVE_NAME);
  return {
    commonName: asked.subjectName.getField('CN')[0] ?? '',
    organizations: asked.subjectName.getField('O'),
    names: names ? new x509.SubjectAlternativeNameExtension(names.rawData).names.items : [],
  };
}
