import { EndpointSlices, Ingresses } from 'orlop/plugin';
import type { Checks } from '../checks.ts';
import { ask } from './client.ts';
import {
  backend,
  becomes,
  DOMAIN,
  ingress,
  NAMESPACE,
  path,
  pods,
  rule,
  type Site,
  service,
  slice,
  whoAnswers,
} from './site.ts';

const OTHER_NAMESPACE = 'conformance-other';

/** Which Service a request is for. Source: the Ingress API, and the features of upstream's ingress-controller-conformance. */
export async function rulesConformance(t: Checks, site: Site): Promise<void> {
  await t.test('hosts', (t) => hosts(t, site));
  await t.test('paths', (t) => paths(t, site));
  await t.test('backends', (t) => backends(t, site));
  await t.test('classes', (t) => classes(t, site));
}

/** Each case: the host, the path, and who answers. Those that a pod answers come first: by then the others are known too. */
async function expectAll(
  t: Checks,
  site: Site,
  cases: readonly (readonly [host: string, path: string, wanted: string])[],
): Promise<void> {
  const known = cases.filter(([, , wanted]) => wanted !== '404');
  const unknown = cases.filter(([, , wanted]) => wanted === '404');
  for (const [host, path, wanted] of [...known, ...unknown]) {
    const what = wanted === '404' ? 'is found nowhere' : `goes to ${wanted}`;
    await becomes(t, site, () => whoAnswers(site.http, { host, path }), wanted, `${host}${path} ${what}`);
  }
}

async function hosts(t: Checks, site: Site): Promise<void> {
  const host = `hosts.${DOMAIN}`;
  await pods(t, site, ['exact', 'wild', 'precise', 'any']);
  await ingress(site, 'hosts', {
    rules: [
      rule(`*.${host}`, 'wild'),
      rule(`one.${host}`, 'precise'),
      rule(`exact.${DOMAIN}`, 'exact'),
      { http: { paths: [path('/of-any-host', 'any')] } },
    ],
  });
  await expectAll(t, site, [
    [`exact.${DOMAIN}`, '/', 'exact'],
    [`exact.${DOMAIN}`, '/any/path', 'exact'],
    [`EXACT.${DOMAIN}`, '/', 'exact'],
    [`exact.${DOMAIN}:8080`, '/', 'exact'],
    [`a.${host}`, '/', 'wild'],
    [`one.${host}`, '/', 'precise'],
    [`somewhere.${DOMAIN}`, '/of-any-host', 'any'],
    // One label only, and not none.
    [`a.b.${host}`, '/', '404'],
    [host, '/', '404'],
    [`a${host}`, '/', '404'],
    [`other.${DOMAIN}`, '/', '404'],
    [`somewhere.${DOMAIN}`, '/', '404'],
  ]);
  await site.objects.delete(Ingresses, { namespace: NAMESPACE, name: 'hosts' });
  const gone = (): Promise<string> => whoAnswers(site.http, { host: `exact.${DOMAIN}` });
  await becomes(t, site, gone, '404', 'an Ingress that is deleted is served no more');
}

async function paths(t: Checks, site: Site): Promise<void> {
  const host = `paths.${DOMAIN}`;
  const names = [
    'page',
    'prefix',
    'longer',
    'page-in-prefix',
    'slash',
    'both-exact',
    'both',
    'impl',
    'second',
  ];
  await pods(t, site, names);
  // In no order that would help.
  const all = [
    path('/prefix', 'prefix'),
    path('/both', 'both'),
    path('/prefix/page', 'page-in-prefix', 'Exact'),
    path('/both', 'both-exact', 'Exact'),
    path('/page', 'page', 'Exact'),
    path('/prefix/longer', 'longer'),
    path('/slash/', 'slash'),
    path('/implementation', 'impl', 'ImplementationSpecific'),
  ];
  await ingress(site, 'paths', { rules: [{ host, http: { paths: all } }] });
  await ingress(site, 'paths-second', { rules: [{ host, http: { paths: [path('/second', 'second')] } }] });
  const cases: [path: string, wanted: string][] = [
    ['/page', 'page'],
    ['/page?a=/b', 'page'],
    ['/page/', '404'],
    ['/page/more', '404'],
    ['/PAGE', '404'],
    ['/prefix', 'prefix'],
    ['/prefix/', 'prefix'],
    ['/prefix/a/b', 'prefix'],
    ['/prefix?a=b', 'prefix'],
    ['/prefixed', '404'],
    ['/Prefix', '404'],
    ['/prefix/longer', 'longer'],
    ['/prefix/longer/a', 'longer'],
    ['/prefix/longest', 'prefix'],
    ['/prefix/page', 'page-in-prefix'],
    ['/prefix/page/', 'prefix'],
    ['/slash', 'slash'],
    ['/slash/', 'slash'],
    ['/slash/a', 'slash'],
    ['/slashed', '404'],
    ['/both', 'both-exact'],
    ['/both/a', 'both'],
    ['/implementation', 'impl'],
    // Of another Ingress for the same host.
    ['/second', 'second'],
    ['/', '404'],
    ['/other', '404'],
  ];
  await expectAll(
    t,
    site,
    cases.map(([path, wanted]) => [host, path, wanted] as const),
  );
}

async function backends(t: Checks, site: Site): Promise<void> {
  const { objects, http } = site;
  const at = (name: string): string => `${name}.backends.${DOMAIN}`;
  const [, , own, admin] = await pods(t, site, ['namesake', 'fallback', 'own', 'admin']);
  for (const name of ['empty', 'unready', 'two-ports']) await service(objects, name);
  await objects.create(EndpointSlices, slice('two-ports', own!, { admin: admin! }));
  await objects.create(EndpointSlices, slice('unready', own!, { ready: false }));
  await ingress(site, 'backends', {
    rules: [
      ...['namesake', 'empty', 'unready', 'missing'].map((name) => rule(at(name), name)),
      ...(['http', 'admin', 'none'] as const).map((name) => ({
        host: at(name),
        http: { paths: [{ ...path('/', ''), backend: backend('two-ports', { name }) }] },
      })),
      {
        host: at('number'),
        http: { paths: [{ ...path('/', ''), backend: backend('two-ports', { number: 90 }) }] },
      },
    ],
  });
  await expectAll(t, site, [
    [at('http'), '/', 'own'],
    [at('admin'), '/', 'admin'],
    [at('number'), '/', 'admin'],
    [at('empty'), '/', '503'],
    [at('unready'), '/', '503'],
    [at('missing'), '/', '503'],
    [at('none'), '/', '503'],
  ]);

  await pods(t, site, ['namesake'], OTHER_NAMESPACE);
  await ingress(site, 'backends', { rules: [rule(at('elsewhere'), 'namesake')] }, OTHER_NAMESPACE);
  await expectAll(t, site, [
    [at('elsewhere'), '/', `namesake of ${OTHER_NAMESPACE}`],
    [at('namesake'), '/', 'namesake'],
  ]);

  await ingress(site, 'fallback', { defaultBackend: backend('fallback') });
  await expectAll(t, site, [
    [`nowhere.${DOMAIN}`, '/', 'fallback'],
    [`nowhere.${DOMAIN}`, '/any/path', 'fallback'],
    [`paths.${DOMAIN}`, '/page/', 'fallback'],
    [at('http'), '/', 'own'],
  ]);
  const posted = await ask(http, { host: `nowhere.${DOMAIN}`, method: 'POST', body: 'x' });
  t.match(JSON.parse(posted.text), { pod: 'fallback', method: 'POST', body: 'x' }, 'whatever its method');
  await objects.delete(Ingresses, { namespace: NAMESPACE, name: 'fallback' });
  await expectAll(t, site, [[`nowhere.${DOMAIN}`, '/', '404']]);
}

async function classes(t: Checks, site: Site): Promise<void> {
  const { objects, otherClass, className } = site;
  await pods(t, site, ['classes']);
  const at = (name: string): string => `${name}.classes.${DOMAIN}`;
  const others = { ingressClassName: otherClass, rules: [rule(at('others'), 'classes')] };
  await ingress(site, 'others', others);
  await ingress(site, 'of-no-class', {
    ingressClassName: 'there-is-none-of-this-name',
    rules: [rule(at('none'), 'classes')],
  });
  await ingress(site, 'ours', { rules: [rule(at('ours'), 'classes')] });
  await expectAll(t, site, [
    [at('ours'), '/', 'classes'],
    [at('others'), '/', '404'],
    [at('none'), '/', '404'],
  ]);
  const address = async (name: string): Promise<boolean> => {
    const { status } = (await objects.get(Ingresses, { namespace: NAMESPACE, name }))!.value;
    return (status?.loadBalancer?.ingress ?? []).some(({ ip, hostname }) => Boolean(ip ?? hostname));
  };
  await becomes(t, site, () => address('ours'), true, 'the status of an Ingress says where it is served');
  t.notOk(await address('others'), "and that of another's is left alone");

  const turn = (name: string, ingressClassName: string): Promise<unknown> =>
    objects.modify(Ingresses, { namespace: NAMESPACE, name }, (draft) => {
      draft.spec!.ingressClassName = ingressClassName;
    });
  await turn('others', className);
  await turn('ours', otherClass);
  await expectAll(t, site, [
    [at('others'), '/', 'classes'],
    [at('ours'), '/', '404'],
  ]);
}
