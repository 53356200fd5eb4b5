/** Every controller of the tree against the suite of its kind. */
import { readdirSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import {
  type ConfigMap,
  ConfigMaps,
  controller,
  definePlugin,
  isMigrated,
  keyOfObject,
  loopInstance,
  type PluginDeclaration,
  Plugins,
  parseKey,
  source,
} from 'orlop/plugin';
import t, { type Test } from 'tap';
import type { PluginSource } from '../../../kernel/kernel.ts';
import { eventually, type TestKernel, testKernel } from '../../cluster.ts';
import {
  type Checks,
  type ControllerTask,
  controllerConformance,
  idle,
  runChecks,
} from '../../conformance/index.ts';
import { standard } from '../apiserver/cluster.ts';
import { storagemigrator, TASKS } from './tasks.ts';

const FOLDERS = readdirSync(fileURLToPath(new URL('../../../../plugins/controllers', import.meta.url)));

/** What they require, by folder, and how they are configured to be quick. */
const NEEDS: Readonly<Record<string, string[]>> = {
  certificates: ['ca'],
  garbagecollector: ['secrets/identity'],
  namespace: ['secrets/identity'],
  serviceaccount: ['ca'],
  serviceaccounttoken: ['ca', 'secrets/identity', 'tokens'],
  storagemigrator: ['secrets/aesgcm'],
};
const CONFIG: Readonly<Record<string, object>> = {
  blobcollector: { graceSeconds: 0.2, periodSeconds: 0.1 },
  nodelifecycle: { nodeMonitorGracePeriodSeconds: 1 },
  storagemigrator: { intervalSeconds: 0.1, perSecond: 1_000 },
};

t.jobs = 7;

for (const folder of FOLDERS) {
  t.test(folder, { buffered: true }, async (t) => {
    const entry = standard(`controllers/${folder}`, CONFIG[folder] ?? {});
    const needs = (NEEDS[folder] ?? []).map((each) => standard(each));
    const { default: plugin } = (await import(entry.module)) as { default: PluginDeclaration };
    const kernel = await testKernel(t, { plugins: [...needs, entry] });
    const task = taskOf(t, folder, kernel);
    await controllerConformance(t as unknown as Checks, plugin.name, async () => ({
      objects: kernel.objects,
      blobs: kernel.blobs,
      ...swapping(kernel, plugin, entry),
      tasks: [task],
      // The plugin that encodes Secrets asks for something.
      ...(folder === 'storagemigrator'
        ? { begun: () => eventually('that is noted', () => isNoted(kernel)) }
        : {}),
    }));
  });
}

async function isNoted({ objects }: TestKernel): Promise<boolean> {
  const plugin = (await objects.get(Plugins, { name: 'secrets-aesgcm' }))?.value;
  return plugin !== undefined && isMigrated(plugin);
}

function swapping(kernel: TestKernel, plugin: PluginDeclaration, source: PluginSource) {
  const swap = (): Promise<void> => kernel.swap(plugin.name, source);
  const away = async (): Promise<typeof swap> => {
    await kernel.swap(plugin.name, idle(plugin));
    return swap;
  };
  return { swap, away };
}

function taskOf(t: Test, folder: string, kernel: TestKernel): ControllerTask {
  if (folder !== 'storagemigrator') {
    t.ok(TASKS[folder], 'there is a task to see it by');
    return TASKS[folder]!;
  }
  let rotation = 0;
  return storagemigrator(async (run) => {
    await run();
    rotation += 1;
    await kernel.swap('secrets-aesgcm', standard('secrets/aesgcm', { rotation: String(rotation) }));
  });
}

interface Flaws {
  /** Writes when it starts, whatever there is. */
  hasty?: boolean;
  /** Writes when there is nothing to write. */
  restless?: boolean;
  /** Acts on what happens, not on what is. */
  edge?: boolean;
  /** Writes over what others wrote. */
  blind?: boolean;
  /** Does the work for whoever did not ask. */
  meddling?: boolean;
}

/** Answers a ConfigMap that asks, by an annotation. */
function flawed(flaws: Flaws): PluginDeclaration {
  const { hasty, restless, edge, blind, meddling } = flaws;
  return definePlugin({
    name: 'flawed',
    kind: 'controller.v1',
    version: '1.0.0',
    description: 'Does not conform.',
    grants: { objects: [{ resource: ConfigMaps, verbs: '*' }] },
    async start(ctx) {
      const { objects } = ctx;
      let isNew = true;
      let answers = 0;
      if (hasty)
        await objects.create(ConfigMaps, { metadata: { namespace: 'default', generateName: 'hasty-' } });
      async function reconcile(key: string): Promise<void> {
        const found = (await objects.get(ConfigMaps, parseKey(key)))?.value;
        const asks = found?.data?.['ask'];
        if (!found || (asks === undefined && !meddling)) return;
        if (found.metadata?.annotations?.['answer'] && !restless) return;
        // So that there is a write in between.
        if (blind) await sleep(50);
        const { resourceVersion, ...metadata } = found.metadata!;
        await objects.update(ConfigMaps, {
          ...found,
          ...(meddling ? { data: { ...found.data, ask: 'answered' } } : {}),
          metadata: {
            ...metadata,
            ...(blind ? {} : { resourceVersion: resourceVersion! }),
            annotations: { ...metadata.annotations, answer: String(++answers) },
          },
        });
      }
      return loopInstance(() => {
        setTimeout(() => (isNew = false), 150);
        const keys = (object: ConfigMap): string[] => (edge && isNew ? [] : [keyOfObject(object)]);
        return controller(ctx, { sources: [source(ctx, ConfigMaps, keys)], reconcile });
      });
    },
  }) as PluginDeclaration;
}

const answer: ControllerTask = {
  ask: ({ objects, name: namespace }) =>
    objects.create(ConfigMaps, { metadata: { namespace, name: 'c' }, data: { ask: 'yes' } }),
  done: async ({ objects, name: namespace }) =>
    (await objects.get(ConfigMaps, { namespace, name: 'c' }))?.value.metadata?.annotations?.['answer'],
  undo: ({ objects, name: namespace }) =>
    objects.modify(
      ConfigMaps,
      { namespace, name: 'c' },
      (draft) => void delete draft.metadata!.annotations!['answer'],
    ),
  others: ({ objects, name: namespace }) =>
    objects.create(ConfigMaps, { metadata: { namespace, name: 'other' } }),
  within: 5_000,
};

const FOUND: readonly [flaws: Flaws, failures: RegExp[]][] = [
  [{}, []],
  [{ hasty: true }, [/where nothing asks it to/, /swapped for itself/]],
  [{ restless: true }, [/once it is done nothing more/]],
  [{ edge: true }, [/it does when it is back: not within 5000 ms/]],
  [{ blind: true }, [/it overwrites nothing/]],
  [{ meddling: true }, [/none of its concern/, /only the status/]],
];

for (const [flaws, failures] of FOUND) {
  const what = Object.keys(flaws).join() || 'conforming';
  t.test(`the suite finds what is ${what}`, { buffered: true }, async (t) => {
    const plugin = flawed(flaws);
    const kernel = await testKernel(t, { plugins: [plugin] });
    const lines: string[] = [];
    const fixture = {
      objects: kernel.objects,
      blobs: kernel.blobs,
      tasks: [answer],
      ...swapping(kernel, plugin, plugin),
    };
    const failed = await runChecks(
      what,
      (t) => controllerConformance(t, 'flawed', async () => fixture),
      (line) => lines.push(line),
    );
    const text = lines.filter((line) => line.includes('FAILED')).join('\n');
    if (failures.length === 0) t.equal(failed, 0, text);
    for (const each of failures) t.match(text, each);
  });
}
