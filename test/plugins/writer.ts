import { definePlugin, type ObjectClient, type PluginDeclaration } from 'orlop/plugin';

/** A plugin that may do everything with objects, and those as it has them: what it writes is admitted. */
export function writer(): { plugin: PluginDeclaration; objects: () => ObjectClient } {
  let objects: ObjectClient | undefined;
  const plugin = definePlugin({
    name: 'writer',
    kind: 'writer.v1',
    version: '1.0.0',
    description: 'Writes objects.',
    grants: { objects: [{ resource: '*', verbs: '*' }] },
    start(ctx) {
      objects = ctx.objects;
      return {};
    },
  });
  return { plugin, objects: () => objects! };
}
