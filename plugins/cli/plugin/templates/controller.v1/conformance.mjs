import { ConfigMaps, Namespaces } from 'orlop/plugin';

/**
 * What `orlop plugin test` cannot guess: what the controller is for, and how to see that it is done.
 * @type {import('orlop/conformance').ControllerTask}
 */
const greeting = {
  ask: ({ objects, name }) =>
    objects.create(Namespaces, { metadata: { name, annotations: { 'my-plugin/greeting': 'hello' } } }),
  done: async ({ objects, name: namespace }) =>
    (await objects.get(ConfigMaps, { namespace, name: 'greeting' }))?.value.data?.text === 'hello',
  undo: ({ objects, name: namespace }) => objects.delete(ConfigMaps, { namespace, name: 'greeting' }),
  others: ({ objects, name }) =>
    objects.create(ConfigMaps, {
      metadata: { namespace: `${name}-other`, name: 'greeting' },
      data: { text: 'mine' },
    }),
};

export default { tasks: [greeting] };
