import type { Duplex } from 'node:stream';
import {
  asStatusError,
  Channel,
  channelFrames,
  type ExecSession,
  readChannelFrames,
  written,
} from 'orlop/plugin';

export interface Wanted {
  stdin: boolean;
  stdout: boolean;
  stderr: boolean;
}

/** Connects a session's streams with the channels of `stream` until it ends; its status comes last. A peer that leaves ends it. */
export async function relay(session: ExecSession, wanted: Wanted, stream: Duplex): Promise<void> {
  const { stdio, stderr } = session;
  const leave = (): void => void stdio.destroy();
  stdio.on('error', () => undefined);
  stream.once('close', leave);
  try {
    if (stream.destroyed) return;
    // It lasts as long as the peer keeps the stream.
    const input = feed(session, wanted.stdin, stream);
    const output = [copy(stdio.iterator({ destroyOnReturn: false }), Channel.stdout, wanted.stdout, stream)];
    if (stderr) output.push(copy(stderr, Channel.stderr, wanted.stderr, stream));
    const ended = Promise.all(output).then(() => session.exitCode);
    const status = await Promise.race([ended, input.then(() => ended)]).then(exitStatus, failure);
    if (stream.destroyed) return;
    await written(stream, channelFrames(Channel.status, Buffer.from(JSON.stringify(status))));
    stream.end();
    await input.catch(() => undefined);
  } finally {
    stream.off('close', leave);
    leave();
  }
}

/** Throws what the peer sends that is no frame. */
async function feed({ stdio, resize }: ExecSession, stdin: boolean, stream: Duplex): Promise<void> {
  try {
    for await (const { channel, data } of readChannelFrames(stream.iterator({ destroyOnReturn: false }))) {
      if (channel === Channel.resize) await resized(resize, data);
      if (channel !== Channel.stdin || !stdin || !stdio.writable) continue;
      if (data.length === 0) stdio.end();
      else await written(stdio, data);
    }
  } catch (error) {
    if (!stream.destroyed) throw error;
  }
}

async function copy(
  source: AsyncIterable<Uint8Array>,
  channel: number,
  wanted: boolean,
  stream: Duplex,
): Promise<void> {
  for await (const data of source) {
    if (wanted && data.length > 0) await written(stream, channelFrames(channel, data));
  }
}

async function resized(resize: ExecSession['resize'], data: Buffer): Promise<void> {
  const { Width = 0, Height = 0 } = JSON.parse(data.toString()) as { Width?: number; Height?: number };
  // A process that has just ended has no terminal to resize.
  if (Width > 0 && Height > 0) await resize(Width, Height).catch(() => undefined);
}

/** Source: apimachinery `remotecommand/constants.go`: kubectl exits with the code it finds in the causes. */
function exitStatus(code: number): object {
  if (code === 0) return { metadata: {}, status: 'Success' };
  return {
    metadata: {},
    status: 'Failure',
    reason: 'NonZeroExitCode',
    message: `command terminated with non-zero exit code: ${code}`,
    details: { causes: [{ reason: 'ExitCode', message: String(code) }] },
  };
}

function failure(error: unknown): object {
  return asStatusError(error).toStatus();
}
