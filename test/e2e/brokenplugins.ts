/** A loader for tests: a file of JSON names a plugin's module, and how a successor of it does not succeed. */
import { readFileSync } from 'node:fs';
import type { Context, Instance, PluginDeclaration } from 'orlop/plugin';

/** `ails`: it starts as the real one, and is unwell. */
export type How = 'throws' | 'ails' | 'hangs';

export interface Broken {
  module: string;
  how: How;
}

type Start = (ctx: Context) => Instance | Promise<Instance>;

const STARTS: Record<How, (real: Start) => Start> = {
  throws: () => () => {
    throw new Error('no luck');
  },
  ails: (real) => async (ctx) =>
    Object.assign(await real(ctx), { health: () => ({ healthy: false, message: 'fever' }) }),
  hangs: () => () => new Promise(() => {}),
};

export async function load(file: URL): Promise<PluginDeclaration> {
  const { module, how } = JSON.parse(readFileSync(file, 'utf8')) as Broken;
  const real = ((await import(module)) as { default: PluginDeclaration }).default;
  return { ...real, version: how, start: STARTS[how](real.start as Start) };
}
