import { execFile } from 'node:child_process';
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { rename } from 'node:fs/promises';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { tooOld } from '../../../kernel/nats/version.ts';
import { debianSources } from './aptsources.ts';
import { versionOf } from './version.ts';

const run = promisify(execFile);
const KEYRING = '/usr/share/keyrings/debian-archive-keyring.gpg';
/** Where Debian has a new enough nats-server; trixie's is 2.10. */
const SUITES = ['forky', 'sid'];

/**
 * Fetches nats-server from a newer Debian suite, from the mirror this machine's apt already uses, and unpacks it into the cache folder.
 * apt works on lists and state of its own in a temporary folder: nothing of the system changes, and root is not needed.
 */
export async function fetchWithApt(cacheDir: string, progress: (text: string) => void): Promise<string> {
  const sources = debianSources('/etc/apt');
  const source = sources[0];
  if (!source) throw new Error('no Debian source in /etc/apt/sources.list or /etc/apt/sources.list.d');
  const signedBy = existsSync(KEYRING) ? KEYRING : source.signedBy;
  mkdirSync(cacheDir, { recursive: true });
  const work = mkdtempSync(join(cacheDir, '.apt-'));
  const failures: string[] = [];
  try {
    for (const suite of SUITES) {
      progress(`Fetching nats-server from Debian ${suite}`);
      try {
        return await fetchSuite(cacheDir, work, suite, source.uri, signedBy);
      } catch (error) {
        const { stderr, message } = error as Error & { stderr?: string };
        failures.push(`${suite}: ${(stderr || message).trim()}`);
      }
    }
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
  throw new Error(failures.join('\n'));
}

async function fetchSuite(
  cacheDir: string,
  work: string,
  suite: string,
  uri: string,
  signedBy: string | undefined,
): Promise<string> {
  const folder = join(work, suite);
  for (const part of ['lists/partial', 'archives/partial'])
    mkdirSync(join(folder, part), { recursive: true });
  writeFileSync(join(folder, 'status'), '');
  const stanza = ['Types: deb', `URIs: ${uri}`, `Suites: ${suite}`, 'Components: main'];
  if (signedBy) stanza.push(`Signed-By: ${signedBy}`);
  writeFileSync(join(folder, 'debian.sources'), `${stanza.join('\n')}\n`);
  const config = join(folder, 'apt.conf');
  writeFileSync(config, aptConfiguration(folder));
  const apt = (...words: string[]) =>
    run('apt-get', ['-q', '-c', config, ...words], { cwd: folder, timeout: 300_000, maxBuffer: 1 << 24 });
  await apt('update');
  await apt('download', 'nats-server');
  const archive = readdirSync(folder).find((name) => name.endsWith('.deb'));
  if (!archive) throw new Error('apt-get download left no package');
  const unpacked = join(folder, 'unpacked');
  await run('dpkg', ['-x', join(folder, archive), unpacked]);
  const binary = ['usr/bin/nats-server', 'usr/sbin/nats-server'].find((path) =>
    existsSync(join(unpacked, path)),
  );
  const version = binary && (await versionOf(join(unpacked, binary)));
  if (!binary || !version) throw new Error(`the nats-server of ${suite} does not run on this machine`);
  const why = tooOld(version);
  if (why) throw new Error(why);
  const home = join(cacheDir, `nats-server-${version}`);
  // Another process may have been first; its copy is as good.
  if (!existsSync(join(home, binary))) await rename(unpacked, home).catch(() => undefined);
  return join(home, binary);
}

/** Read after the machine's own configuration, so that its proxy and the like hold; its hooks on the system do not. */
function aptConfiguration(folder: string): string {
  const settings: Record<string, string> = {
    'Dir::State': folder,
    'Dir::State::lists': join(folder, 'lists'),
    'Dir::State::status': join(folder, 'status'),
    'Dir::Cache': folder,
    'Dir::Etc::sourcelist': join(folder, 'debian.sources'),
    'Dir::Etc::sourceparts': '/dev/null',
    'Acquire::Languages': 'none',
    'APT::Sandbox::User': '',
  };
  const hooks = ['APT::Update::Pre-Invoke', 'APT::Update::Post-Invoke', 'APT::Update::Post-Invoke-Success'];
  return [
    ...hooks.map((hook) => `#clear ${hook};`),
    ...Object.entries(settings).map(([name, value]) => `${name} ${JSON.stringify(value)};`),
    '',
  ].join('\n');
}
