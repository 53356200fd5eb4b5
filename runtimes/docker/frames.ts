/** One piece of a stream that carries stdout and stderr of a container without a terminal. */
export interface Frame {
  stream: 'stdout' | 'stderr';
  data: Buffer;
}

const HEADER = 8;

/**
 * Splits the engine's multiplexed stream: frames of one byte of stream number (2 is stderr), three zeros, a big-endian length
 * and that many bytes. With `tty` the stream is not multiplexed: all is stdout.
 */
export async function* frames(source: AsyncIterable<Buffer>, tty: boolean): AsyncGenerator<Frame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    if (tty) {
      yield { stream: 'stdout', data: chunk };
      continue;
    }
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER) {
      const end = HEADER + rest.readUInt32BE(4);
      if (rest.length < end) break;
      yield { stream: rest[0] === 2 ? 'stderr' : 'stdout', data: rest.subarray(HEADER, end) };
      rest = rest.subarray(end);
    }
  }
}
