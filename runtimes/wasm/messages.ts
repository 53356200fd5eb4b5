/** What the kernel's thread and the worker thread of one container say to each other. Structured-cloneable. */

export interface Mount {
  /** Folder or file on this machine. */
  hostPath: string;
  /** Absolute path the guest sees it at. */
  containerPath: string;
  readOnly: boolean;
}

/** All that one guest is started with. */
export interface GuestSpec {
  kind: 'http' | 'command';
  /** `file:` URL of the transpiled component's JavaScript. */
  script: string;
  /** The component's core modules by the file names its JavaScript asks for. */
  modules: Record<string, WebAssembly.Module>;
  /** Name of the instance it exports, e.g. `wasi:cli/run@0.2.3`. */
  exportName: string;
  env: [string, string][];
  /** With the program's name first. */
  args: string[];
  mounts: Mount[];
  /** Where stdout and stderr are logged; absent: they are posted as `output` only. */
  logFile: string | undefined;
  /** Where an HTTP component listens. */
  listen: { host: string; port: number } | undefined;
  /** Most bytes each of its memories may have; to tell an out-of-memory trap from others. */
  memoryLimit: number | undefined;
  /** 32-bit cells, see `CELL_PAGES` and so on. */
  shared: SharedArrayBuffer;
  stdin: boolean;
}

/** Pages of 64 KiB its memories have now. */
export const CELL_PAGES = 0;
/** A counter of `stdin` messages. */
export const CELL_STDIN = 1;
/** KiB of its thread's JavaScript heap. */
export const CELL_HEAP = 2;
/** The operating system's id of its thread; 0 where that is not known. */
export const CELL_THREAD = 3;
/** Microseconds of CPU its thread had used when the guest began: a thread is booted before it has a guest. */
export const CELL_BOOT = 4;
/** How many want its output besides the log. */
export const CELL_ATTACHED = 5;
/** Bytes of output that were posted and that nobody has taken yet. */
export const CELL_UNREAD = 6;
export const CELLS = 7;
/** With more than these bytes of output that nobody has taken the guest waits. */
export const MOST_UNREAD = 256 * 1024;

export type ToGuest =
  | { type: 'start'; spec: GuestSpec; stdin?: MessagePort }
  /** Answer what has arrived, accept no more, end. */
  | { type: 'stop' }
  /** Dispatch without a socket; answered by `response`. */
  | { type: 'request'; id: number; path: string; headers: [string, string][] };

export type FromGuest =
  /** An HTTP component listens; a command is about to run. */
  | { type: 'started' }
  | { type: 'output'; stream: 'stdout' | 'stderr'; bytes: Uint8Array }
  /** It has taken one message of standard input. */
  | { type: 'read' }
  | { type: 'response'; id: number; status: number }
  | { type: 'exited'; exit: GuestExit };

export interface GuestExit {
  exitCode: number;
  reason: 'Completed' | 'Error' | 'OOMKilled';
  /** Why, when it is not the guest's own exit. */
  message?: string;
}

type MessagePort = import('node:worker_threads').MessagePort;
