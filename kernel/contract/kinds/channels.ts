import type { Writable } from 'node:stream';

/**
 * The streams of one process inside one byte stream: frames of a channel, a length (4 bytes, big-endian) and that many bytes. A frame
 * without bytes is the channel's end. Channels are numbered as in Kubernetes' `v5.channel.k8s.io`.
 */
export const Channel = { stdin: 0, stdout: 1, stderr: 2, status: 3, resize: 4 } as const;

export interface ChannelFrame {
  channel: number;
  data: Buffer;
}

const HEADER = 5;
/** Longest payload of a frame; more data is more frames. */
const MOST = 64 * 1024;

/** What to write to say `data` on a channel; empty data ends the channel. */
export function channelFrames(channel: number, data: Uint8Array): Buffer {
  const parts: Uint8Array[] = [];
  for (let at = 0; at === 0 || at < data.length; at += MOST) {
    const part = data.subarray(at, at + MOST);
    const header = Buffer.alloc(HEADER);
    header[0] = channel;
    header.writeUInt32BE(part.length, 1);
    parts.push(header, part);
  }
  return Buffer.concat(parts);
}

/** The frames of a byte stream, as they come. Throws for what is no frame, and when the stream ends within one. */
export async function* readChannelFrames(source: AsyncIterable<Buffer>): AsyncGenerator<ChannelFrame> {
  let rest: Buffer = Buffer.alloc(0);
  for await (const chunk of source) {
    rest = rest.length === 0 ? chunk : Buffer.concat([rest, chunk]);
    while (rest.length >= HEADER) {
      const length = rest.readUInt32BE(1);
      if (length > MOST) throw new Error(`a channel frame of ${length} bytes: at most ${MOST} are allowed`);
      const end = HEADER + length;
      if (rest.length < end) break;
      yield { channel: rest[0]!, data: rest.subarray(HEADER, end) };
      rest = rest.subarray(end);
    }
  }
  if (rest.length > 0) throw new Error('the stream ended within a channel frame');
}

/** Resolves when the stream took the data and wants more; rejects when it fails or closes first. */
export function written(stream: Writable, data: Uint8Array): Promise<void> {
  return new Promise((resolve, reject) => {
    const closed = (): void => reject(new Error('the stream was closed'));
    stream.once('close', closed);
    stream.write(data, (error) => {
      stream.off('close', closed);
      if (error) reject(error);
      else resolve();
    });
    if (stream.destroyed) closed();
  });
}
