import type { LogLine, LogOptions } from 'orlop/plugin';
import type { Engine } from './engine.ts';
import { frames } from './frames.ts';

/** The engine stores lines in pieces of 16 KiB; a line longer than this is passed on in parts. */
const MAX_LINE = 1 << 20;
const NEWLINE = 10;
const SPACE = 32;

/** Reads a container's log. The engine puts an RFC 3339 time with nanoseconds before each piece. */
export async function* containerLogs(
  engine: Engine,
  id: string,
  options: LogOptions,
): AsyncGenerator<LogLine> {
  const container = engine.getContainer(id);
  const { Config } = await container.inspect();
  const query = {
    stdout: true,
    stderr: true,
    timestamps: true,
    ...(options.tailLines === undefined ? {} : { tail: options.tailLines }),
    ...(options.since === undefined ? {} : { since: unixTime(options.since) as unknown as number }),
  };
  const source = options.follow
    ? await container.logs({ ...query, follow: true })
    : bytes(await container.logs({ ...query, follow: false }));
  const stop = (): void => {
    if ('destroy' in source && typeof source.destroy === 'function') source.destroy();
  };
  options.signal?.addEventListener('abort', stop, { once: true });
  try {
    if (options.signal?.aborted) return;
    yield* logLines(source as AsyncIterable<Buffer>, Config.Tty === true);
  } catch (error) {
    if (!options.signal?.aborted) throw error;
  } finally {
    options.signal?.removeEventListener('abort', stop);
    stop();
  }
}

async function* bytes(all: Buffer): AsyncGenerator<Buffer> {
  yield all;
}

/** Joins the engine's pieces to lines. Exported for its tests. */
export async function* logLines(source: AsyncIterable<Buffer>, tty: boolean): AsyncGenerator<LogLine> {
  const open = new Map<LogLine['stream'], { time: string; parts: Buffer[]; size: number }>();
  let prefix: Buffer = Buffer.alloc(0);
  for await (const frame of frames(source, tty)) {
    // A terminal's stream comes in arbitrary chunks, others in one piece per frame.
    let data: Buffer = tty && prefix.length > 0 ? Buffer.concat([prefix, frame.data]) : frame.data;
    while (data.length > 0) {
      const newline = data.indexOf(NEWLINE);
      if (tty && newline < 0) break;
      const piece = newline < 0 ? data : data.subarray(0, newline + 1);
      data = data.subarray(piece.length);
      const space = piece.indexOf(SPACE);
      const line = open.get(frame.stream) ?? { time: piece.toString('latin1', 0, space), parts: [], size: 0 };
      line.parts.push(piece.subarray(space + 1));
      line.size += piece.length;
      if (newline >= 0 || line.size > MAX_LINE) {
        open.delete(frame.stream);
        yield { time: line.time, stream: frame.stream, data: Buffer.concat(line.parts) };
      } else {
        open.set(frame.stream, line);
      }
    }
    prefix = data;
  }
  if (prefix.length > 0) {
    const space = prefix.indexOf(SPACE);
    yield { time: prefix.toString('latin1', 0, space), stream: 'stdout', data: prefix.subarray(space + 1) };
  }
  for (const [stream, line] of open) yield { time: line.time, stream, data: Buffer.concat(line.parts) };
}

/** RFC 3339 to the engine's `seconds.nanoseconds`. */
export function unixTime(text: string): string {
  const seconds = Math.floor(Date.parse(text) / 1000);
  const fraction = /\.(\d+)/.exec(text)?.[1] ?? '';
  return `${seconds}.${fraction.padEnd(9, '0').slice(0, 9)}`;
}
