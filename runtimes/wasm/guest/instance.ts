import { getHeapStatistics } from 'node:v8';
import { CELL_HEAP, CELL_PAGES, type GuestExit, type GuestSpec } from '../messages.ts';
import { cli, clocks, Exit, random } from './wasi/cli.ts';
import { filesystem } from './wasi/filesystem.ts';
import { http } from './wasi/http.ts';
import { InputStream, IoError, OutputStream, Pollable, poll } from './wasi/io.ts';
import { sockets } from './wasi/sockets.ts';

export type Write = (stream: 'stdout' | 'stderr', bytes: Uint8Array) => void;

/** The JavaScript jco made of a component (instantiation mode `sync`). */
export interface Component {
  instantiate(
    getCoreModule: (name: string) => WebAssembly.Module,
    imports: Record<string, object>,
    instantiateCore: (module: WebAssembly.Module, imports?: WebAssembly.Imports) => WebAssembly.Instance,
  ): Record<string, unknown>;
}

const PAGE = 65_536;
/** How often the heap is measured at most: it takes longer than a small request. */
const HEAP_MS = 1_000;
/** How far below its limit a memory may be when a failed growth ends in a trap. */
const NEAR_LIMIT = 0.9;

/** One instance of a component with a context of its own. */
export class GuestInstance {
  readonly exports: Record<string, unknown>;
  readonly #memories: WebAssembly.Memory[] = [];
  readonly #spec: GuestSpec;
  readonly #cells: Int32Array;
  #heapAt = Number.NEGATIVE_INFINITY;

  constructor(component: Component, spec: GuestSpec, write: Write, stdin: InputStream | undefined) {
    this.#spec = spec;
    this.#cells = new Int32Array(spec.shared);
    const note = (): void =>
      write(
        'stderr',
        Buffer.from('orlop: an outgoing HTTP request was refused: not supported by this runtime\n'),
      );
    const imports = {
      ...cli({ env: spec.env, args: spec.args, stdin, write }),
      ...clocks,
      ...random,
      ...filesystem(spec.mounts),
      ...http(note),
      ...sockets,
      'wasi:io/error': { Error: IoError },
      'wasi:io/poll': { Pollable, poll },
      'wasi:io/streams': { InputStream, OutputStream },
    };
    this.exports = component.instantiate(
      (name) => spec.modules[name]!,
      imports,
      (module, coreImports) => this.#instantiateCore(module, coreImports),
    );
    this.measure();
  }

  /** Publishes how much memory it has, and its thread's heap. */
  measure(): void {
    Atomics.store(this.#cells, CELL_PAGES, this.#bytes() / PAGE);
    const now = performance.now();
    if (now - this.#heapAt < HEAP_MS) return;
    this.#heapAt = now;
    const { total_physical_size: heap, malloced_memory: malloced } = getHeapStatistics();
    Atomics.store(this.#cells, CELL_HEAP, (heap + malloced) / 1024);
  }

  /** How a guest that threw `error` ended. */
  ending(error: unknown): GuestExit {
    if (error instanceof Exit) {
      return { exitCode: error.code, reason: error.code === 0 ? 'Completed' : 'Error' };
    }
    const limit = this.#spec.memoryLimit;
    const trap = error instanceof WebAssembly.RuntimeError || error instanceof RangeError;
    if (
      trap &&
      limit !== undefined &&
      this.#memories.some((m) => m.buffer.byteLength >= limit * NEAR_LIMIT)
    ) {
      return { exitCode: 137, reason: 'OOMKilled', message: `out of memory: the limit is ${limit} bytes` };
    }
    return { exitCode: 1, reason: 'Error', message: describe(error) };
  }

  #instantiateCore(module: WebAssembly.Module, imports?: WebAssembly.Imports): WebAssembly.Instance {
    const instance = new WebAssembly.Instance(module, imports);
    for (const value of Object.values(instance.exports)) {
      if (value instanceof WebAssembly.Memory && !this.#memories.includes(value)) this.#memories.push(value);
    }
    return instance;
  }

  #bytes(): number {
    return this.#memories.reduce((sum, memory) => sum + memory.buffer.byteLength, 0);
  }
}

/** A trap's or host error's one-line reason. */
export function describe(error: unknown): string {
  if (error instanceof WebAssembly.RuntimeError) return `trap: ${error.message}`;
  if (error instanceof RangeError) return `trap: ${error.message.toLowerCase()}`;
  if (error instanceof Error) return error.message;
  return String(error);
}
