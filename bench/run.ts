/** `npm run bench -- NAME [--json]`: runs `bench/NAME.bench.ts`. Without a name, lists them. */
import { readdirSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';

const folder = dirname(fileURLToPath(import.meta.url));
const names = readdirSync(folder)
  .filter((file) => file.endsWith('.bench.js'))
  .map((file) => file.slice(0, -'.bench.js'.length));
const name = process.argv.slice(2).find((argument) => !argument.startsWith('-'));
if (name === undefined || !names.includes(name)) {
  console.error(`usage: npm run bench -- NAME [--json]\nbenchmarks: ${names.join(', ')}`);
  process.exit(2);
}
await import(join(folder, `${name}.bench.js`));
