import { generate } from '@bytecodealliance/jco/component';
import type { Json } from 'orlop/plugin';
import type { JsonObject } from '../messages.ts';

/** How the methods of a kind are those of a component. */
export interface Binding {
  /** What the component may import, by interface without version. */
  readonly imports: Record<string, object>;
  /** Given the component's exports, by interface without version, and the plugin's configuration. */
  start(exports: ReadonlyMap<string, object>, config: Json): void;
  readonly methods: Record<string, (params: JsonObject) => Json>;
}

interface Component {
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Record<string, object>,
  ): Record<string, object>;
}

/** Makes a component run. Throws when it is none, or imports what it is not given. */
export async function instantiate(
  bytes: Uint8Array,
  imports: Record<string, object>,
): Promise<ReadonlyMap<string, object>> {
  // Declared as synchronous, but it returns a promise.
  const transpiled = await Promise.resolve(
    generate(bytes, {
      name: 'component',
      instantiation: { tag: 'sync' },
      noTypescript: true,
      noNodejsCompat: true,
      base64Cutoff: 0,
    }),
  );
  const missing = transpiled.imports.filter((name) => !(withoutVersion(name) in imports));
  if (missing.length > 0)
    throw new Error(
      `the component imports what it is not given: ${missing.join(', ')}; there is ${Object.keys(imports).join(', ')}, and no WASI`,
    );
  const modules = new Map<string, WebAssembly.Module>();
  let script = '';
  for (const [name, content] of transpiled.files) {
    if (name.endsWith('.wasm')) modules.set(name, new WebAssembly.Module(content));
    else if (name.endsWith('.js')) script = Buffer.from(content).toString('base64');
  }
  const component = (await import(`data:text/javascript;base64,${script}`)) as Component;
  const exports = component.instantiate((name) => modules.get(name)!, imports);
  return new Map(Object.entries(exports).map(([name, value]) => [withoutVersion(name), value]));
}

function withoutVersion(name: string): string {
  return name.replace(/@.*$/, '');
}
