import { IngressClasses, type ObjectClient } from 'orlop/plugin';
import { type Checks, eventually } from '../checks.ts';
import { changesConformance } from './changes.ts';
import type { Address } from './client.ts';
import { messagesConformance } from './messages.ts';
import { rulesConformance } from './rules.ts';
import { becomes, DOMAIN, type Site, whoAnswers } from './site.ts';
import { tlsConformance } from './tls.ts';

export interface IngressFixture {
  /** The store it watches, without Ingresses; Secrets can be written there where `https` is given. */
  objects: ObjectClient;
  /** Where it serves HTTP. */
  http: Address;
  /** Where it serves HTTPS. Absent: it does not. */
  https?: Address | undefined;
  /** What the `spec.controller` of its IngressClasses is. Default: that of the one it makes. */
  controller?: string | undefined;
  /** Swaps it for itself. Absent: that is not looked at. */
  swap?: (() => Promise<void>) | undefined;
  /** How long it may take to follow a change, in milliseconds. Default 10,000. */
  patienceMs?: number | undefined;
}

/**
 * The suite every plugin of kind `ingress.v1` passes: it provides no service, so its deeds are looked at, over sockets. The pods are
 * servers of this process, on 127.0.0.1.
 */
export async function ingressConformance(
  t: Checks,
  name: string,
  make: (t: Checks) => Promise<IngressFixture>,
): Promise<void> {
  await t.test(`${name}: conformance to ingress.v1`, async (t) => {
    const { objects, http, https, controller, swap, patienceMs = 10_000 } = await make(t);
    const site: Site = {
      objects,
      http,
      https,
      patienceMs,
      className: 'conformance',
      otherClass: 'conformance-other',
    };
    const own = controller ?? (await controllerOf(site));
    for (const [name, controller] of [
      [site.className, own],
      [site.otherClass, 'conformance.test/another'],
    ] as const) {
      await objects.create(IngressClasses, {
        apiVersion: 'networking.k8s.io/v1',
        kind: 'IngressClass',
        metadata: { name },
        spec: { controller },
      });
    }
    const nowhere = (): Promise<string> => whoAnswers(http, { host: DOMAIN });
    await becomes(t, site, nowhere, '404', 'without an Ingress there is nothing');
    await t.test('rules', (t) => rulesConformance(t, site));
    await t.test('messages', (t) => messagesConformance(t, site));
    await t.test('changes', (t) => changesConformance(t, site, swap));
    if (https) await t.test('TLS', (t) => tlsConformance(t, site, https));
  });
}

async function controllerOf({ objects, patienceMs }: Pick<Site, 'objects' | 'patienceMs'>): Promise<string> {
  let controller: string | undefined;
  const look = async (): Promise<boolean> => {
    controller = (await objects.list(IngressClasses)).items[0]?.value.spec?.controller;
    return controller !== undefined;
  };
  await eventually('it makes an IngressClass, or its controller is given', look, patienceMs);
  return controller!;
}
