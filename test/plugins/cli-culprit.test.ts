import type { PluginObject } from 'orlop/plugin';
import t from 'tap';
import { cameLast, culprit } from '../../plugins/cli/culprit.ts';

function plugin(name: string, module?: string): PluginObject {
  return { apiVersion: 'orlop.dev/v1', kind: 'Plugin', metadata: { name }, spec: module ? { module } : {} };
}

t.test('a stack tells whose error it is', async (t) => {
  const digest = `sha256-${'a'.repeat(64)}`;
  const all = [
    plugin('standard'),
    plugin('url', 'file:///p/url/index.mjs?sha256=1'),
    plugin('path', '/p/one/a.mjs'),
    plugin('beside', '/p/one/b.mjs'),
    plugin('package', 'some-package'),
    plugin('blob', `blob:${digest}`),
  ];
  const of = (at: string): string | undefined =>
    culprit(`Error: no\n    at f (${at}:1:2)\n    at node:x`, all);
  t.equal(of('file:///p/url/index.mjs#orlop-1'), 'url');
  t.equal(of('file:///p/url/other.mjs'), 'url', 'a file beside the only module there');
  t.equal(of('file:///p/one/b.mjs'), 'beside');
  t.equal(of('file:///p/one/c.mjs'), undefined, 'a file beside two');
  t.equal(of('file:///w/node_modules/some-package/index.js'), 'package');
  t.equal(of(`file:///cache/${digest}/index.mjs`), 'blob');
  t.equal(of('file:///orlop/plugins/ca/ca.js'), undefined);
});

t.test('what no stack tells is laid to the one that came last', async (t) => {
  const at = (name: string, minute: number, ...changes: [string | undefined, number][]): PluginObject => {
    const time = (m: number): string => new Date(m * 60_000).toISOString();
    const managedFields = changes.map(([subresource, m]) => ({ subresource, time: time(m) }));
    const metadata = { name, creationTimestamp: time(minute), managedFields };
    return { ...plugin(name, `/p/${name}.mjs`), metadata } as PluginObject;
  };
  const last = (plugins: PluginObject[], back: Record<string, number> = {}): string | undefined =>
    cameLast(plugins, { backSince: (name) => (back[name] ?? 0) * 60_000 })?.metadata?.name;
  const old = at('old', 1);
  t.equal(last([at('new', 2), old]), 'new');
  t.equal(last([at('new', 2), at('changed', 1, [undefined, 3])]), 'changed');
  t.equal(last([at('new', 2), at('told', 1, ['status', 3])]), 'new', 'its status is not its own doing');
  t.equal(last([at('new', 2), old], { old: 4 }), 'old', 'one that was left out and let in again');
  t.equal(last([]), undefined);
});
