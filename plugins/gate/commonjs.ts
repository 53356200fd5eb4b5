/** `require` for what a plugin imports that is CommonJS. Node's own would share modules with the kernel, and hand out its own loader. */
import { readFileSync } from 'node:fs';
import { createRequire, isBuiltin } from 'node:module';
import { dirname, resolve } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';
import vm from 'node:vm';
import * as contract from 'orlop/plugin';
import { holds } from './intact.ts';
import { marked, type Origin, refusal, requireOf } from './origins.ts';
import { isEsModule, outside } from './packages.ts';

interface Module {
  exports: unknown;
  readonly id: string;
  readonly filename: string;
  loaded: boolean;
  readonly children: readonly [];
  readonly paths: readonly [];
  readonly require: Require;
}

interface Require {
  (specifier: string): unknown;
  resolve(specifier: string): string;
  /** As where a program begins with an ES module. */
  main: undefined;
  readonly cache: Record<string, Module>;
  readonly extensions: object;
}

const PARAMETERS = ['exports', 'require', 'module', '__filename', '__dirname'];

export class CommonJs {
  readonly #origin: Origin;
  readonly #builtin: (name: string) => object;
  readonly #contract: object;
  /** By file, of this origin alone; what it imports has it as `require.cache`. */
  readonly #modules = Object.create(null) as Record<string, Module>;

  constructor(origin: Origin, builtin: (name: string) => object, writePrivate: typeof contract.writePrivate) {
    this.#origin = origin;
    this.#builtin = builtin;
    this.#contract = { ...contract, writePrivate };
  }

  /** The `module.exports` of the file at that URL. */
  readonly load = (url: string): unknown => this.#load(fileURLToPath(url));

  /** A named export, as an import of it gets it. */
  readonly get = (exports: unknown, name: string): unknown => {
    const holds = (typeof exports === 'object' && exports !== null) || typeof exports === 'function';
    try {
      return holds && Object.hasOwn(exports, name) ? (exports as Record<string, unknown>)[name] : undefined;
    } catch {
      // A getter that throws, as in Node's own.
      return undefined;
    }
  };

  createRequire(from: string | URL): Require {
    const file = resolve(String(from).startsWith('file:') ? fileURLToPath(from) : String(from));
    this.#admit(undefined, file);
    return this.#requireFrom(file);
  }

  #requireFrom(parent: string): Require {
    const { resolve: find } = createRequire(parent);
    const own = (specifier: string): string => {
      const file = find(specifier);
      if (!isEsModule(file) || /^[./]/.test(specifier)) return file;
      return fileURLToPath(import.meta.resolve(requireOf(specifier, pathToFileURL(parent).href)));
    };
    const require = (specifier: string): unknown => {
      if (specifier === 'orlop/plugin') return this.#contract;
      if (isBuiltin(specifier)) return this.#builtin(specifier.replace(/^node:/, ''));
      const file = own(specifier);
      if (isBuiltin(file)) return this.#builtin(file.replace(/^node:/, ''));
      this.#admit(parent, file);
      return this.#load(file);
    };
    const nothing = Object.create(null) as object;
    return Object.assign(require, {
      resolve: own,
      main: undefined,
      cache: this.#modules,
      extensions: nothing,
    });
  }

  #admit(parent: string | undefined, file: string): void {
    const refused = outside(this.#origin, parent, file);
    if (refused !== undefined) throw new contract.StatusError('Forbidden', refused);
  }

  #load(file: string): unknown {
    const known = this.#modules[file];
    if (known) return known.exports;
    if (file.endsWith('.node')) return this.#addon(file);
    if (isEsModule(file))
      throw new contract.StatusError('Invalid', `${file} is an ES module: import() it, require() does not`);
    const source = readFileSync(file, 'utf8').replace(/^\uFEFF/, '');
    const require = this.#requireFrom(file);
    const about = { id: file, filename: file, loaded: false, children: [], paths: [] } as const;
    const module: Module = { ...about, exports: {}, require };
    this.#modules[file] = module;
    try {
      if (file.endsWith('.json')) module.exports = parseJson(source, file);
      else this.#run(module, source);
      module.loaded = true;
    } catch (error) {
      delete this.#modules[file];
      throw error;
    }
    return module.exports;
  }

  #run(module: Module, source: string): void {
    const { filename, exports, require } = module;
    const run = vm.compileFunction(source.replace(/^#!/, '//'), PARAMETERS, {
      // So that what it imports is imported as this origin's.
      filename: marked(pathToFileURL(filename).href, this.#origin),
      importModuleDynamically: vm.constants.USE_MAIN_CONTEXT_DEFAULT_LOADER,
    }) as (...parameters: unknown[]) => void;
    Reflect.apply(run, exports, [exports, require, module, filename, dirname(filename)]);
  }

  #addon(file: string): unknown {
    if (!holds(this.#origin.powers, 'exec'))
      throw new contract.StatusError('Forbidden', refusal(this.#origin, `native code, ${file}`, 'exec'));
    return createRequire(file)(file) as unknown;
  }
}

function parseJson(text: string, file: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch (error) {
    throw new SyntaxError(`${file}: ${(error as Error).message}`, { cause: error });
  }
}
