import {
  constants,
  fdatasyncSync,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  futimesSync,
  linkSync,
  lstatSync,
  lutimesSync,
  mkdirSync,
  openSync,
  readdirSync,
  readlinkSync,
  renameSync,
  rmdirSync,
  type Stats,
  symlinkSync,
  unlinkSync,
} from 'node:fs';
import { datetime } from './cli.ts';
import { attempt, refusal } from './fs-errors.ts';
import { FileInputStream, FileOutputStream, OpenFile } from './fs-file.ts';
import { hostPathOf, type Root, resolvePath } from './fs-paths.ts';
import type { InputStream, OutputStream } from './io.ts';

interface DescriptorFlags {
  read?: boolean;
  write?: boolean;
  mutateDirectory?: boolean;
}
interface OpenFlags {
  create?: boolean;
  directory?: boolean;
  exclusive?: boolean;
  truncate?: boolean;
}
interface PathFlags {
  symlinkFollow?: boolean;
}
type NewTimestamp =
  | { tag: 'no-change' }
  | { tag: 'now' }
  | { tag: 'timestamp'; val: { seconds: bigint; nanoseconds: number } };
type FileType =
  | 'directory'
  | 'regular-file'
  | 'symbolic-link'
  | 'fifo'
  | 'socket'
  | 'block-device'
  | 'character-device';

/** The resource `descriptor`: an open file, or a folder that what is below it is opened by. */
export class Descriptor {
  readonly #root: Root;
  /** Names from the root to this folder. */
  readonly #parts: readonly string[];
  readonly #file: OpenFile | undefined;
  readonly #flags: DescriptorFlags;

  private constructor(
    root: Root,
    parts: readonly string[],
    file: OpenFile | undefined,
    flags: DescriptorFlags,
  ) {
    this.#root = root;
    this.#parts = parts;
    this.#file = file;
    this.#flags = flags;
  }

  static preopen(root: Root): Descriptor {
    return new Descriptor(root, [], undefined, { read: true, mutateDirectory: !root.readOnly });
  }

  openAt(pathFlags: PathFlags, path: string, openFlags: OpenFlags, flags: DescriptorFlags): Descriptor {
    if (flags.write || openFlags.truncate) this.#mayChange();
    const parts = this.#resolve(path, pathFlags.symlinkFollow ?? false);
    const hostPath = hostPathOf(this.#root, parts);
    const stats =
      hostPath === undefined ? undefined : attempt(() => lstatSync(hostPath, { throwIfNoEntry: false }));
    if (hostPath === undefined || stats?.isDirectory()) {
      if (openFlags.create && openFlags.exclusive) throw refusal('exist');
      if (flags.write || openFlags.truncate) throw refusal('is-directory');
      return new Descriptor(this.#root, parts, undefined, {
        read: true,
        mutateDirectory: !this.#root.readOnly,
      });
    }
    if (openFlags.directory) throw refusal(stats ? 'not-directory' : 'no-entry');
    if (!stats && openFlags.create) this.#mayChange();
    // The path is resolved: a link in its place now would lead who knows where.
    let mode = constants.O_NOFOLLOW;
    if (flags.write) mode |= flags.read ? constants.O_RDWR : constants.O_WRONLY;
    if (openFlags.create && !this.#root.readOnly) mode |= constants.O_CREAT;
    if (openFlags.exclusive) mode |= constants.O_EXCL;
    if (openFlags.truncate) mode |= constants.O_TRUNC;
    const file = new OpenFile(attempt(() => openSync(hostPath, mode, 0o666)));
    return new Descriptor(this.#root, parts, file, {
      read: flags.read ?? false,
      write: flags.write ?? false,
    });
  }

  readViaStream(offset: bigint): InputStream {
    return new FileInputStream(this.#open(), Number(offset));
  }

  writeViaStream(offset: bigint): OutputStream {
    return new FileOutputStream(this.#writable(), Number(offset));
  }

  appendViaStream(): OutputStream {
    return new FileOutputStream(this.#writable(), undefined);
  }

  read(length: bigint, offset: bigint): [bytes: Uint8Array, end: boolean] {
    const bytes = attempt(() => this.#open().read(Number(length), Number(offset)));
    return [bytes, bytes.length === 0 && length > 0n];
  }

  write(bytes: Uint8Array, offset: bigint): bigint {
    attempt(() => this.#writable().write(bytes, Number(offset)));
    return BigInt(bytes.length);
  }

  advise(): void {}

  sync(): void {
    if (this.#file !== undefined) attempt(() => fsyncSync(this.#open().fd));
  }

  syncData(): void {
    if (this.#file !== undefined) attempt(() => fdatasyncSync(this.#open().fd));
  }

  getFlags(): DescriptorFlags {
    return this.#flags;
  }

  getType(): FileType | 'unknown' {
    return this.#file === undefined ? 'directory' : typeOf(attempt(() => fstatSync(this.#open().fd)));
  }

  setSize(size: bigint): void {
    attempt(() => ftruncateSync(this.#writable().fd, Number(size)));
  }

  stat(): object {
    return statOf(this.#stats());
  }

  statAt(pathFlags: PathFlags, path: string): object {
    return statOf(this.#statsAt(pathFlags, path));
  }

  setTimes(access: NewTimestamp, modification: NewTimestamp): void {
    this.#mayChange();
    const { fd } = this.#open();
    attempt(() => {
      const stats = fstatSync(fd);
      futimesSync(fd, timeOf(access, stats.atime), timeOf(modification, stats.mtime));
    });
  }

  setTimesAt(pathFlags: PathFlags, path: string, access: NewTimestamp, modification: NewTimestamp): void {
    const hostPath = this.#change(path, pathFlags.symlinkFollow ?? false);
    attempt(() => {
      const stats = lstatSync(hostPath);
      lutimesSync(hostPath, timeOf(access, stats.atime), timeOf(modification, stats.mtime));
    });
  }

  readDirectory(): DirectoryEntryStream {
    const hostPath = hostPathOf(this.#root, this.#resolve('', true));
    if (hostPath === undefined) {
      return new DirectoryEntryStream(
        [...this.#root.files.keys()].map((name) => ({ name, type: 'regular-file' })),
      );
    }
    const entries = attempt(() => readdirSync(hostPath, { withFileTypes: true }));
    return new DirectoryEntryStream(entries.map((entry) => ({ name: entry.name, type: typeOf(entry) })));
  }

  createDirectoryAt(path: string): void {
    attempt(() => mkdirSync(this.#change(path, false)));
  }

  linkAt(flags: PathFlags, path: string, target: Descriptor, newPath: string): void {
    const from = this.#change(path, flags.symlinkFollow ?? false);
    attempt(() => linkSync(from, target.#change(newPath, false)));
  }

  readlinkAt(path: string): string {
    return attempt(() => readlinkSync(this.#hostPath(path, false) ?? ''));
  }

  removeDirectoryAt(path: string): void {
    attempt(() => rmdirSync(this.#change(path, false)));
  }

  renameAt(path: string, target: Descriptor, newPath: string): void {
    attempt(() => renameSync(this.#change(path, false), target.#change(newPath, false)));
  }

  symlinkAt(to: string, path: string): void {
    if (to.startsWith('/')) throw refusal('not-permitted');
    attempt(() => symlinkSync(to, this.#change(path, false)));
  }

  unlinkFileAt(path: string): void {
    attempt(() => unlinkSync(this.#change(path, false)));
  }

  isSameObject(other: Descriptor): boolean {
    const [a, b] = [this.#stats(), other.#stats()];
    return a === undefined || b === undefined
      ? this.#root === other.#root
      : a.ino === b.ino && a.dev === b.dev;
  }

  metadataHash(): { upper: bigint; lower: bigint } {
    return hashOf(this.#stats());
  }

  metadataHashAt(pathFlags: PathFlags, path: string): { upper: bigint; lower: bigint } {
    return hashOf(this.#statsAt(pathFlags, path));
  }

  [Symbol.dispose](): void {
    this.#file?.release();
  }

  /** `undefined` for a folder that only exists for the guest. */
  #stats(): Stats | undefined {
    return this.#file === undefined
      ? this.#statsAt({ symlinkFollow: true }, '')
      : attempt(() => fstatSync(this.#open().fd));
  }

  #statsAt(flags: PathFlags, path: string): Stats | undefined {
    const hostPath = this.#hostPath(path, flags.symlinkFollow ?? false);
    return hostPath === undefined ? undefined : attempt(() => lstatSync(hostPath));
  }

  #resolve(path: string, follow: boolean): string[] {
    if (this.#file !== undefined) throw refusal('not-directory');
    return resolvePath(this.#root, this.#parts, path, follow);
  }

  #hostPath(path: string, follow: boolean): string | undefined {
    return hostPathOf(this.#root, this.#resolve(path, follow));
  }

  /** The path of something that is about to be changed. */
  #change(path: string, follow: boolean): string {
    this.#mayChange();
    const parts = this.#resolve(path, follow);
    const hostPath = hostPathOf(this.#root, parts);
    // A mount itself cannot be moved or removed, and what is mounted by itself not joined by others.
    if (hostPath === undefined || parts.length === 0 || this.#root.hostPath === undefined) {
      throw refusal('not-permitted');
    }
    return hostPath;
  }

  #mayChange(): void {
    if (this.#root.readOnly) throw refusal('read-only');
  }

  #open(): OpenFile {
    if (this.#file === undefined) throw refusal('is-directory');
    return this.#file;
  }

  #writable(): OpenFile {
    if (!this.#flags.write) throw refusal('bad-descriptor');
    return this.#open();
  }
}

/** The resource `directory-entry-stream`. */
export class DirectoryEntryStream {
  readonly #entries: { name: string; type: string }[];

  constructor(entries: { name: string; type: string }[]) {
    this.#entries = entries;
  }

  readDirectoryEntry(): { name: string; type: string } | undefined {
    return this.#entries.shift();
  }
}

type Typed = Pick<
  Stats,
  'isDirectory' | 'isFile' | 'isSymbolicLink' | 'isFIFO' | 'isSocket' | 'isBlockDevice' | 'isCharacterDevice'
>;

function typeOf(entry: Typed): FileType | 'unknown' {
  if (entry.isFile()) return 'regular-file';
  if (entry.isDirectory()) return 'directory';
  if (entry.isSymbolicLink()) return 'symbolic-link';
  if (entry.isFIFO()) return 'fifo';
  if (entry.isSocket()) return 'socket';
  if (entry.isBlockDevice()) return 'block-device';
  return entry.isCharacterDevice() ? 'character-device' : 'unknown';
}

function statOf(stats: Stats | undefined): object {
  if (stats === undefined) return { type: 'directory', linkCount: 1n, size: 0n };
  return {
    type: typeOf(stats),
    linkCount: BigInt(stats.nlink),
    size: BigInt(stats.size),
    dataAccessTimestamp: datetime(stats.atimeMs),
    dataModificationTimestamp: datetime(stats.mtimeMs),
    statusChangeTimestamp: datetime(stats.ctimeMs),
  };
}

function hashOf(stats: Stats | undefined): { upper: bigint; lower: bigint } {
  return stats === undefined
    ? { upper: 0n, lower: 0n }
    : { upper: BigInt(stats.dev), lower: BigInt(stats.ino) };
}

function timeOf(wanted: NewTimestamp, now: Date): Date {
  if (wanted.tag === 'no-change') return now;
  if (wanted.tag === 'now') return new Date();
  return new Date(Number(wanted.val.seconds) * 1000 + wanted.val.nanoseconds / 1e6);
}
