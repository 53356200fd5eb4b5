import t from 'tap';
import { testApi } from './cluster.ts';

const NETWORKING = '/apis/networking.k8s.io/v1';

t.test('an Ingress without a class gets the default one', async (t) => {
  const { request } = await testApi(t);
  const make = async (name: string, more: object = {}, metadata: object = {}) => {
    const spec = { defaultBackend: { service: { name: 'a', port: { number: 80 } } }, ...more };
    const body = { metadata: { name, ...metadata }, spec };
    const made = await request('POST', `${NETWORKING}/namespaces/default/ingresses`, body);
    t.equal(made.code, 201, made.text);
    return made.body.spec.ingressClassName;
  };
  const makeClass = async (name: string, isDefault: string) => {
    const annotations = { 'ingressclass.kubernetes.io/is-default-class': isDefault };
    const body = { metadata: { name, annotations }, spec: { controller: 'example.com/a' } };
    t.equal((await request('POST', `${NETWORKING}/ingressclasses`, body)).code, 201);
  };
  await makeClass('other', 'false');
  t.equal(await make('before'), undefined, 'there is none');
  await makeClass('b', 'true');
  t.equal(await make('one'), 'b');
  await makeClass('a', 'true');
  t.equal(await make('two'), 'a', 'the newest');
  t.equal(await make('named', { ingressClassName: 'other' }), 'other');
  const annotations = { 'kubernetes.io/ingress.class': 'other' };
  t.equal(await make('annotated', {}, { annotations }), undefined);
  const { body } = await request('GET', `${NETWORKING}/namespaces/default/ingresses/before`);
  t.equal(body.spec.ingressClassName, undefined, 'what is there stays as it is');
});
