import { createHash } from 'node:crypto';
import type { ResourceTable } from '../resources/table.ts';
import type { ResourceRow } from '../resources/types.ts';
import { type Definition, type Definitions, REFERENCE } from '../schemas/definitions.ts';
import type { Schemas } from '../schemas/generated.ts';
import { COMMON_DEFINITIONS, type PathItem, pathsOf } from './paths.ts';
import { SECURITY, SECURITY_SCHEMES, swaggerOf } from './swagger.ts';
import { encodeSwagger } from './swagger-protobuf.ts';

/** A document made once, and the hash of it in upper-case hex: its ETag, and what the index of v3 has clients ask for. */
export interface HashedDocument {
  readonly bytes: Buffer;
  readonly hash: string;
}

export type SwaggerForm = 'json' | 'protobuf';

/** The OpenAPI documents: v3, one per group and version, and v2, one of all; derived from the table when asked for, and kept until it changes. */
export class OpenApi {
  readonly #table: ResourceTable;
  readonly #schemas: Schemas;
  readonly #documents = new Map<string, HashedDocument>();
  #revision = -1;

  constructor(table: ResourceTable, schemas: Schemas) {
    this.#table = table;
    this.#schemas = schemas;
  }

  /** `/openapi/v3`: where the documents are. */
  index(): HashedDocument {
    const paths = this.#table.groups().flatMap((group) =>
      this.#table.versions(group).map((version) => {
        const path = group === '' ? `api/${version}` : `apis/${group}/${version}`;
        return [path, { serverRelativeURL: `/openapi/v3/${path}?hash=${this.document(path)!.hash}` }];
      }),
    );
    return hashed(JSON.stringify({ paths: Object.fromEntries(paths) as unknown }));
  }

  /** `path`: `api/v1`, `apis/apps/v1`; `undefined` when it is not served. */
  document(path: string): HashedDocument | undefined {
    const [, core, group = '', version = core] = /^(?:api\/([^/]+)|apis\/([^/]+)\/([^/]+))$/.exec(path) ?? [];
    const rows = version === undefined ? [] : this.#table.in(group, version);
    if (rows.length === 0) return undefined;
    return this.#kept(path, () => {
      const { paths, roots } = this.#describe(rows);
      return JSON.stringify({
        openapi: '3.0.0',
        info: this.#info,
        paths,
        components: { schemas: this.#closure(roots), securitySchemes: SECURITY_SCHEMES },
        security: SECURITY,
      });
    });
  }

  /** `/openapi/v2`. */
  swagger(form: SwaggerForm): HashedDocument {
    return this.#kept(`v2 ${form}`, () => {
      const { paths, roots } = this.#describe(this.#table.rows);
      const document = swaggerOf(this.#info, paths, this.#closure(roots));
      return form === 'json' ? JSON.stringify(document) : encodeSwagger(document);
    });
  }

  get #info() {
    return { title: 'Kubernetes', version: `v${this.#schemas.version}` };
  }

  #kept(key: string, make: () => string | Buffer): HashedDocument {
    if (this.#revision !== this.#table.revision) {
      this.#documents.clear();
      this.#revision = this.#table.revision;
    }
    const known = this.#documents.get(key);
    if (known) return known;
    const document = hashed(make());
    this.#documents.set(key, document);
    return document;
  }

  /** The paths of the rows, and the names of the definitions that they speak of. */
  #describe(rows: readonly ResourceRow[]): { paths: Record<string, PathItem>; roots: Set<string> } {
    const paths: Record<string, PathItem> = {};
    const roots = new Set(COMMON_DEFINITIONS);
    for (const row of rows) {
      const object = this.#schemas.definitionOf(row);
      if (object === undefined) throw new Error(`no schema for ${row.kind}.${row.version}.${row.group}`);
      const list = this.#schemas.definitionOf({ ...row, kind: `${row.kind}List` }) ?? object;
      const nameOf = (kind: Parameters<Schemas['definitionOf']>[0]): string | undefined =>
        this.#schemas.definitionOf(kind);
      Object.assign(paths, pathsOf(row, { object, list, nameOf }));
      for (const name of [object, list, ...row.subresources.map((each) => nameOf(each) ?? object)])
        roots.add(name);
    }
    return { paths, roots };
  }

  /** The definitions and all they refer to, with their descriptions. */
  #closure(roots: ReadonlySet<string>): Definitions {
    const schemas: Definitions = {};
    const pending = [...roots];
    for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
      const definition = this.#schemas.definitions[name];
      if (!definition || schemas[name]) continue;
      schemas[name] = described(EITHER[name] ?? definition, this.#schemas.descriptionsOf(name));
      pending.push(...references(definition));
    }
    return schemas;
  }
}

/** Types that are written in two ways, as upstream's document has them. */
function either(...types: string[]): Definition {
  return { oneOf: types.map((type) => ({ type })) };
}

const EITHER: Readonly<Record<string, Definition>> = {
  'io.k8s.apimachinery.pkg.util.intstr.IntOrString': {
    ...either('integer', 'string'),
    format: 'int-or-string',
  },
  'io.k8s.apimachinery.pkg.api.resource.Quantity': either('string', 'number'),
};

function described(definition: Definition, texts: Readonly<Record<string, string>>): Definition {
  const description = texts[''] ?? definition.description;
  const properties = Object.entries(definition.properties ?? {}).map(([name, property]) => {
    const text = texts[name] ?? property.description;
    // Nothing may stand beside a $ref, so it is wrapped; kubectl then shows the name of the type, too.
    const schema = property.$ref ? { allOf: [{ $ref: property.$ref }] } : property;
    return [name, text === undefined ? schema : { ...schema, description: text }] as const;
  });
  return {
    ...definition,
    ...(description === undefined ? {} : { description }),
    ...(definition.properties ? { properties: Object.fromEntries(properties) } : {}),
  };
}

function references(definition: Definition): string[] {
  return [
    ...(definition.$ref ? [definition.$ref.slice(REFERENCE.length)] : []),
    ...(definition.items ? references(definition.items) : []),
    ...(typeof definition.additionalProperties === 'object'
      ? references(definition.additionalProperties)
      : []),
    ...Object.values(definition.properties ?? {}).flatMap(references),
  ];
}

function hashed(content: string | Buffer): HashedDocument {
  const bytes = Buffer.from(content as string);
  return { bytes, hash: createHash('sha512').update(bytes).digest('hex').toUpperCase() };
}
