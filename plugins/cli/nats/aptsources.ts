import { existsSync, readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';

export interface AptSource {
  /** Where the mirror is, in any form apt takes. */
  uri: string;
  signedBy: string | undefined;
}

const RELEASE = /^(bookworm|trixie|forky|duke|sid|oldstable|stable|testing|unstable)$/;

/** The Debian mirrors this machine's apt is set up with (`etc` is `/etc/apt`), those of plain releases only. */
export function debianSources(etc: string): AptSource[] {
  const parts = join(etc, 'sources.list.d');
  const files = [
    join(etc, 'sources.list'),
    ...(existsSync(parts) ? readdirSync(parts).sort() : []).map((name) => join(parts, name)),
  ].filter((path) => existsSync(path));
  return files.flatMap((path) => {
    const text = readFileSync(path, 'utf8');
    if (path.endsWith('.sources')) return parseDeb822(text);
    return path.endsWith('.list') ? parseOneLine(text) : [];
  });
}

/** The deb822 form: stanzas of `Field: value`. */
export function parseDeb822(text: string): AptSource[] {
  const withoutComments = text.replaceAll(/^#.*\n?/gm, '');
  return withoutComments.split(/\n\s*\n/).flatMap((stanza) => {
    const fields = new Map<string, string>();
    for (const [, name, value] of stanza.matchAll(/^([A-Za-z-]+):[ \t]*((?:.*)(?:\n[ \t]+.*)*)/gm)) {
      fields.set(name!.toLowerCase(), value!.trim());
    }
    const words = (field: string): string[] => (fields.get(field) ?? '').split(/\s+/).filter(Boolean);
    if (fields.get('enabled') === 'no' || !words('types').includes('deb')) return [];
    if (!words('suites').some((suite) => RELEASE.test(suite)) || !words('components').includes('main'))
      return [];
    const signedBy = fields.get('signed-by');
    return words('uris').map((uri) => ({ uri, signedBy: signedBy?.startsWith('/') ? signedBy : undefined }));
  });
}

/** The one-line form: `deb [options] uri suite component...`. */
export function parseOneLine(text: string): AptSource[] {
  return text.split('\n').flatMap((line) => {
    const match = /^\s*deb\s+(?:\[([^\]]*)\]\s*)?(\S+)\s+(\S+)\s+(.*)$/.exec(line);
    if (!match) return [];
    const [, options = '', uri, suite, components] = match;
    if (!RELEASE.test(suite!) || !components!.split(/\s+/).includes('main')) return [];
    return [{ uri: uri!, signedBy: /signed-by=(\/\S+)/.exec(options)?.[1] }];
  });
}
