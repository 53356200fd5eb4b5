import { X509Certificate } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { StatusError } from 'orlop/plugin';
import type { Tls } from '../../../kernel/nats/index.ts';
import { UsageError } from '../command.ts';
import { type Greeting, greeting } from './greeting.ts';
import { pinOf, SERVER_NAME } from './tls.ts';

const PIN = /^sha256:[0-9a-f]{64}$/;

/** For the kernel. */
export interface External {
  url: string;
  tls?: Tls | undefined;
}

/**
 * The NATS server of `--nats`, with what is needed to trust it. `?ca=sha256:...` in the address names the CA by its public key: the server
 * shows the certificate itself, which is then pinned. Throws what to do when TLS is on at one end only, or the certificate another one.
 */
export async function externalNats(url: string, caFile: string | undefined): Promise<External> {
  const urls = url.split(',').flatMap((part) => {
    const text = part.includes('://') ? part.trim() : `nats://${part.trim()}`;
    return URL.canParse(text) ? [new URL(text)] : [];
  });
  const pin = urls.map(({ searchParams }) => searchParams.get('ca')).find((each) => each !== null);
  if (pin !== undefined && !PIN.test(pin))
    throw new UsageError(`ca=${pin} in --nats is not of the form sha256: and 64 digits. Copy it whole.`);
  if (pin !== undefined && caFile !== undefined)
    throw new UsageError('--nats-ca and ?ca= in --nats are two ways to name the CA: use one.');
  const wanted = caFile !== undefined || urls.some(({ protocol }) => protocol === 'tls:');
  if (pin !== undefined && !wanted) throw new UsageError('?ca= in --nats is for tls:// addresses.');
  const tls: Tls = { ...(caFile !== undefined && { ca: readCa(caFile) }) };
  const met = await meet(urls, pin === undefined ? tls : { servername: SERVER_NAME });
  // The kernel says what is wrong with the address, or that nobody is there; but the CA must come from there.
  if (!met || ('silence' in met && pin === undefined)) return wanted ? { url, tls } : { url };
  if ('silence' in met) throw unavailable(`${met.silence}. Check that it runs, and its address.`);
  const { secure, chain, distrust } = met.greeting;
  if (wanted && !secure) throw unavailable(`${met.host} does not use TLS. ${PLAIN}`);
  if (!wanted && distrust !== undefined)
    throw unavailable(`${met.host} wants TLS, and --nats is no tls:// address. ${SECURE}`);
  if (!wanted) return { url };
  if (pin === undefined) {
    if (distrust === undefined) return { url, tls };
    throw unavailable(`the certificate of ${met.host} is not trusted: ${distrust}. ${SECURE}`);
  }
  const ca = chain.find((each) => pinOf(each) === pin);
  if (ca) return { url, tls: { ca: ca.toString(), servername: SERVER_NAME } };
  throw unavailable(
    `${met.host} has another CA than ${pin}: it is another server, or one with a new data folder. ` +
      'If nobody is in between, use the line that `orlop server` prints there now.',
  );
}

const PLAIN =
  'Use nats:// if it need not, or start `orlop server` with --nats-listen, which gives its NATS server TLS.';
const SECURE =
  'Use the line that `orlop server` prints, tls://USER:PASSWORD@HOST:PORT?ca=sha256:..., or for a server with a CA of its own tls:// with --nats-ca FILE.';

/** The greeting of the first server that gives one, or why there is none; `undefined` without servers. */
async function meet(
  urls: readonly URL[],
  tls: Tls,
): Promise<{ host: string; greeting: Greeting } | { silence: string } | undefined> {
  const silences: string[] = [];
  for (const { host, hostname, port } of urls) {
    try {
      return { host, greeting: await greeting(hostname.replace(/^\[|\]$/g, ''), Number(port || 4222), tls) };
    } catch (error) {
      silences.push(`no NATS server answers at ${host}: ${(error as Error).message}`);
    }
  }
  return silences[0] === undefined ? undefined : { silence: silences.join('; ') };
}

function readCa(file: string): string {
  try {
    const text = readFileSync(file, 'utf8');
    // Throws when there is none; Node would take that for no CA at all.
    pinOf(new X509Certificate(text));
    return text;
  } catch (error) {
    throw new UsageError(`--nats-ca ${file} is no certificate in PEM: ${(error as Error).message}.`);
  }
}

function unavailable(message: string): StatusError {
  return new StatusError('ServiceUnavailable', message);
}
