import type { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { connect, isIP, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import type { Tls } from '../../../kernel/nats/index.ts';

const PATIENCE_MS = 5_000;
/** An INFO line is of some hundred bytes; what sends more without ending it is something else. */
const LONGEST = 64 * 1024;

export interface Greeting {
  /** Whether clients must use TLS, or may: the NATS client then does. */
  secure: boolean;
  /** The certificates it showed, its own first. */
  chain: X509Certificate[];
  /** Why its certificate is not trusted; `undefined` when it is. */
  distrust: string | undefined;
}

/** What a NATS server says before it knows who asks. Nothing secret is sent. Throws when there is none. */
export async function greeting(host: string, port: number, tls: Tls): Promise<Greeting> {
  const socket = connect({ host, port });
  const timer = setTimeout(
    () => socket.destroy(new Error(`no answer within ${PATIENCE_MS / 1000} s`)),
    PATIENCE_MS,
  );
  try {
    const info = JSON.parse(await infoOf(socket)) as { tls_required?: boolean; tls_available?: boolean };
    const secure = info.tls_required === true || info.tls_available === true;
    if (!secure) return { secure, chain: [], distrust: undefined };
    const servername = tls.servername ?? (isIP(host) ? '' : host);
    const secured = connectTls({ socket, ca: tls.ca, servername, rejectUnauthorized: false });
    try {
      await once(secured, 'secureConnect');
      const { authorizationError: why } = secured;
      const distrust = why ? (why instanceof Error ? why.message : String(why)) : undefined;
      return { secure, chain: chainOf(secured.getPeerX509Certificate()), distrust };
    } finally {
      secured.destroy();
    }
  } finally {
    clearTimeout(timer);
    socket.destroy();
  }
}

/** Its first line, as JSON. */
function infoOf(socket: Socket): Promise<string> {
  return new Promise((resolve, reject) => {
    let text = '';
    socket.on('data', (chunk) => {
      text += chunk.toString();
      if (!text.includes('\r\n') && text.length < LONGEST) return;
      socket.removeAllListeners('data');
      const info = /^INFO (\{.*\})\s*\r\n/.exec(text)?.[1];
      if (info === undefined) reject(new Error('what listens there is no NATS server'));
      else resolve(info);
    });
    socket.once('error', reject);
    socket.once('close', () => reject(new Error('it closed the connection')));
  });
}

function chainOf(certificate: X509Certificate | undefined): X509Certificate[] {
  const chain: X509Certificate[] = [];
  for (let each = certificate; each && chain.length < 10; each = each.issuerCertificate) {
    if (chain.some(({ fingerprint256 }) => fingerprint256 === each?.fingerprint256)) break;
    chain.push(each);
  }
  return chain;
}
