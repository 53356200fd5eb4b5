/** What is wrong with a declaration is told whole, in words about it, whatever it is. */
import { Authenticator, definePlugin, Pods } from 'orlop/plugin';
import t from 'tap';
import { checkDeclaration } from '../../kernel/contract/declaration.ts';

const good = { name: 'x', kind: 'test.v1', version: '1', description: 'A test.', start: () => ({}) };

t.test('a declaration as it should be', async (t) => {
  const full = definePlugin<object, { auth: typeof Authenticator }>({
    ...good,
    config: { type: 'object', properties: { list: { type: 'array', items: { type: 'string' } } } },
    requires: { auth: Authenticator },
    provides: [],
    grants: { objects: [{ resource: Pods, verbs: ['get'] }], publish: ['a.>'], host: ['net'] },
    singleton: true,
    required: false,
    isolation: { worker: 'w', memory: '64Mi' },
  });
  t.same(checkDeclaration(full, 'm'), full);
});

t.test('each thing that is wrong is told', async (t) => {
  const cases: [object, RegExp][] = [
    [{ name: 'X Y' }, /plugin "X Y" is declared wrongly: name "X Y" must be a lower-case DNS label/],
    [{ name: undefined }, /^\/m\.mjs is declared wrongly: name undefined must be/],
    [{ kind: 'scheduler' }, /kind "scheduler" must be versioned/],
    [{ version: 1 }, /version must be a string, not 1/],
    [{ description: '' }, /description must be a string, not ""/],
    [{ start: 'now' }, /start must be a function/],
    [{ starts: () => ({}) }, /unknown key "starts"; did you mean "start"\?/],
    [{ singelton: true }, /unknown key "singelton"; did you mean "singleton"\?/],
    [{ singleton: 'yes' }, /singleton must be true or false/],
    [{ requires: { a: 'auth.v1' } }, /requires\.a must be a service token, not "auth\.v1"/],
    [{ requires: { a: undefined } }, /requires\.a must be a service token, not undefined/],
    [{ requires: [] }, /requires must be an object/],
    [{ provides: ['z', null] }, /service tokens, not "z"; provides must list service tokens, not null/],
    [{ provides: {} }, /provides must be a list of service tokens/],
    [{ grants: [] }, /grants must be an object/],
    [{ grants: { object: [] } }, /unknown key "grants\.object"; did you mean "objects"\?/],
    [{ grants: { objects: [null] } }, /grants\.objects: resource must be a Resource or "\*", not undefined/],
    [{ grants: { objects: [{ resource: 'pods', verbs: '*' }] } }, /Resource or "\*", not "pods"/],
    [{ grants: { objects: [{ resource: Pods, verbs: ['patch'] }] } }, /verbs must be "\*" or a list of some/],
    [{ grants: { publish: 'a' } }, /grants\.publish must be a list of NATS subjects/],
    [{ grants: { host: ['fly'] } }, /grants\.host must be a list of some of net, exec, docker, files/],
    [{ config: { properties: {} } }, /config\.type must be "object"/],
    [
      { config: { type: 'object', properties: { a: { typ: 'x' } } } },
      /unknown key "config\.a\.typ"; did you/,
    ],
    [{ isolation: 'thread' }, /isolation must be "inline" or \{ worker: NAME \}/],
    [{ isolation: {} }, /isolation\.worker undefined must be a lower-case DNS label/],
    [{ isolation: { worker: 'w', memory: '3' } }, /isolation\.memory must be a quantity of at least 16Mi/],
    [{ isolation: { worker: 'w', memory: 3 } }, /isolation\.memory must be a string/],
  ];
  for (const [change, message] of cases) {
    t.throws(() => checkDeclaration({ ...good, ...change }, '/m.mjs'), { reason: 'Invalid', message });
  }
  for (const none of [undefined, null, 3, 'x', [], { parse: () => 1 }]) {
    t.throws(() => checkDeclaration(none, '/m.mjs'), /\/m\.mjs has no plugin declaration: export default/);
  }
});
