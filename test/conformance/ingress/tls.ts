import { Ingresses, type Secret, Secrets } from 'orlop/plugin';
import type { Checks } from '../checks.ts';
import { type Certificate, certificateOf } from './certificate.ts';
import { type Address, ask } from './client.ts';
import type { Seen } from './pod.ts';
import { becomes, DOMAIN, ingress, NAMESPACE, pods, rule, type Site } from './site.ts';

/** TLS ends at the ingress, with the certificate of the Secret that the Ingress names for the host. */
export async function tlsConformance(t: Checks, site: Site, https: Address): Promise<void> {
  const { objects } = site;
  const one = `one.tls.${DOMAIN}`;
  const two = `two.tls.${DOMAIN}`;
  const wild = `*.wild.tls.${DOMAIN}`;
  await pods(t, site, ['tls']);
  const certificates = await Promise.all([one, two, wild].map((host) => certificateOf(host)));
  const [ofOne, ofTwo, ofWild] = certificates as [Certificate, Certificate, Certificate];
  await objects.create(Secrets, secret('one', ofOne));
  await objects.create(Secrets, secret('wild', ofWild));
  await ingress(site, 'tls', {
    tls: [
      { hosts: [one], secretName: 'one' },
      { hosts: [two], secretName: 'two' },
      { hosts: [wild], secretName: 'wild' },
    ],
    rules: [one, two, wild].map((host) => rule(host, 'tls')),
  });

  const trusting =
    (host: string, { certificate }: Certificate) =>
    async (): Promise<string> => {
      try {
        const { text } = await ask(https, { host, ca: certificate });
        return (JSON.parse(text) as Seen).pod;
      } catch (error) {
        return String(error);
      }
    };
  await becomes(t, site, trusting(one, ofOne), 'tls', 'a host has the certificate of its Secret');
  await becomes(t, site, trusting(wild.replace('*', 'a'), ofWild), 'tls', 'also by a wildcard');
  t.not(await trusting(two, ofTwo)(), 'tls', 'one whose Secret there is not has none');
  await objects.create(Secrets, secret('two', ofTwo));
  await becomes(t, site, trusting(two, ofTwo), 'tls', 'until there is');
  const { text } = await ask(https, { host: one, ca: ofOne.certificate });
  t.match(
    JSON.parse(text),
    { headers: { host: one, 'x-forwarded-proto': 'https' } },
    'the pod is told that it came over TLS',
  );

  const renewed = await certificateOf(one);
  await objects.update(Secrets, secret('one', renewed));
  await becomes(t, site, trusting(one, renewed), 'tls', 'a renewed certificate takes the place of the old');
  t.not(await trusting(one, ofOne)(), 'tls', 'which is used no more');
  await objects.modify(Ingresses, { namespace: NAMESPACE, name: 'tls' }, ({ spec }) => {
    spec!.tls![0]!.secretName = 'other';
  });
  const both = await certificateOf(one, two);
  await objects.create(Secrets, secret('other', both));
  await becomes(t, site, trusting(one, both), 'tls', 'as does that of another Secret');
}

function secret(name: string, { certificate, key }: Certificate): Secret {
  const base64 = (text: string): string => Buffer.from(text).toString('base64');
  return {
    apiVersion: 'v1',
    kind: 'Secret',
    metadata: { name, namespace: NAMESPACE },
    type: 'kubernetes.io/tls',
    data: { 'tls.crt': base64(certificate), 'tls.key': base64(key) },
  };
}
