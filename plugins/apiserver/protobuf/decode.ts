import { type KubeObject, StatusError } from 'orlop/plugin';
import type { Schemas } from '../schemas/generated.ts';
import type { MessageField, Messages } from '../schemas/kubectl.ts';
import type { Schema } from '../schemas/types.ts';
import { SPECIAL } from './special.ts';
import { fieldsOf, type WireValue } from './wire.ts';
import { isZeroByDefault } from './zeros.ts';

/** How one field of a message becomes JSON. */
interface FieldPlan {
  key: string;
  repeated: boolean;
  type: number;
  message: string | undefined;
  /** The field holds a map with such values. */
  values: MessageField | undefined;
  /** Go embeds the struct: its fields are the outer object's. */
  inline: boolean;
}

const MAGIC = 'k8s\0';
const MESSAGE = 11;
const META = 'k8s.io.apimachinery.pkg.apis.meta.v1.';

/**
 * Decodes bodies of type `application/vnd.kubernetes.protobuf`, which typed Go clients send. Source: apimachinery `serializer/protobuf`
 * (`k8s\0` and a `runtime.Unknown`) and gogo's rules: fields that are no pointers are written even when zero.
 */
export class ProtobufDecoder {
  readonly #schemas: Schemas;
  readonly #messages: Messages;
  readonly #plans = new Map<string, Map<number, FieldPlan>>();

  constructor(schemas: Schemas, messages: Messages) {
    this.#schemas = schemas;
    this.#messages = messages;
  }

  /** Throws `BadRequest`. */
  decode(body: Uint8Array): KubeObject {
    const bytes = Buffer.from(body.buffer, body.byteOffset, body.byteLength);
    if (bytes.toString('latin1', 0, MAGIC.length) !== MAGIC) {
      throw new StatusError(
        'BadRequest',
        'provided data does not appear to be a protobuf message, expected prefix "k8s\\0"',
      );
    }
    try {
      return this.#decodeUnknown(bytes.subarray(MAGIC.length));
    } catch (error) {
      if (!(error instanceof RangeError || error instanceof SyntaxError)) throw error;
      throw new StatusError(
        'BadRequest',
        `the protobuf body cannot be decoded: ${error.message}`,
        {},
        { cause: error },
      );
    }
  }

  #decodeUnknown(unknown: Buffer): KubeObject {
    let [apiVersion, kind] = ['', ''];
    let raw: Buffer = Buffer.alloc(0);
    for (const [number, value] of fieldsOf(unknown)) {
      if (number === 2) raw = value as Buffer;
      if (number !== 1) continue;
      for (const [part, text] of fieldsOf(value as Buffer)) {
        if (part === 1) apiVersion = String(text);
        if (part === 2) kind = String(text);
      }
    }
    const name = this.#messageOf(apiVersion, kind);
    return { apiVersion, kind, ...(this.#decode(name, raw) as object) };
  }

  #messageOf(apiVersion: string, kind: string): string {
    const slash = apiVersion.indexOf('/');
    const group = slash < 0 ? '' : apiVersion.slice(0, slash);
    const definition = this.#schemas.definitionOf({ group, version: apiVersion.slice(slash + 1), kind });
    const name = definition === undefined ? META + kind : messageName(definition);
    if (this.#messages[name]) return name;
    throw new StatusError('BadRequest', `no kind "${kind}" is registered for version "${apiVersion}"`);
  }

  #decode(name: string, bytes: Buffer): unknown {
    const special = SPECIAL[name];
    if (special) return special(bytes, (message, content) => this.#decode(message, content));
    const plan = this.#planOf(name);
    const items = plan.get(1);
    if (plan.size === 1 && items?.key === 'items' && items.repeated && !this.#schemaOf(name).properties) {
      return [...fieldsOf(bytes)].map(([, value]) => this.#value(items.type, items.message, value));
    }
    const object: Record<string, unknown> = {};
    for (const [number, value] of fieldsOf(bytes)) {
      const field = plan.get(number);
      if (field) this.#setField(object, name, field, value);
    }
    return object;
  }

  #setField(object: Record<string, unknown>, message: string, field: FieldPlan, value: WireValue): void {
    const { key } = field;
    if (field.values) {
      object[key] ??= {};
      this.#setEntry(object[key] as Record<string, unknown>, field.values, value as Buffer);
      return;
    }
    if (
      field.repeated &&
      field.type !== MESSAGE &&
      field.type !== 9 &&
      field.type !== 12 &&
      typeof value !== 'bigint'
    ) {
      throw new RangeError(`packed field ${key}`);
    }
    const decoded = this.#value(field.type, field.message, value);
    if (field.repeated) {
      object[key] ??= [];
      (object[key] as unknown[]).push(decoded);
    } else if (field.inline) {
      Object.assign(object, decoded);
    } else if (decoded !== null && !isZeroByDefault(message, key, decoded)) {
      object[key] = decoded;
    }
  }

  #setEntry(map: Record<string, unknown>, values: MessageField, entry: Buffer): void {
    let key = '';
    let value: WireValue | undefined;
    for (const [number, part] of fieldsOf(entry)) {
      if (number === 1) key = String(part);
      else value = part;
    }
    const [, , , type, message] = values;
    Object.defineProperty(map, key, {
      value: this.#value(type, message, value ?? Buffer.alloc(0)),
      enumerable: true,
      writable: true,
      configurable: true,
    });
  }

  /** Types are numbered as in descriptor.proto. */
  #value(type: number, message: string | undefined, value: WireValue): unknown {
    if (typeof value === 'bigint') {
      return type === 8 ? value !== 0n : Number(BigInt.asIntN(64, value));
    }
    switch (type) {
      case 1:
        return value.readDoubleLE();
      case 2:
        return value.readFloatLE();
      case 9:
        return value.toString('utf8');
      case 12:
        return value.toString('base64');
      case MESSAGE:
        return this.#decode(message!, value);
      default:
        throw new RangeError(`field type ${type}`);
    }
  }

  #schemaOf(message: string): Schema {
    return this.#schemas.named(definitionOf(message));
  }

  #planOf(name: string): Map<number, FieldPlan> {
    const known = this.#plans.get(name);
    if (known) return known;
    const fields = this.#messages[name];
    if (!Array.isArray(fields)) throw new RangeError(`unknown message ${name}`);
    const { properties } = this.#schemaOf(name);
    const plan = new Map<number, FieldPlan>();
    for (const [number, goName, repeated, type, message] of fields) {
      const target = message === undefined ? undefined : this.#messages[message];
      const values = target && !Array.isArray(target) ? target.map : undefined;
      const key = properties ? jsonName(goName, properties) : goName;
      const inline = properties !== undefined && !properties[key] && type === MESSAGE && !repeated;
      plan.set(number, { key, repeated: repeated && !values, type, message, values, inline });
    }
    this.#plans.set(name, plan);
    return plan;
  }
}

/** Protobuf's name of a field is the JSON one but for case, a `$`, or dashes (`aPIGroup`, `ref`, `xKubernetesListType`). */
function jsonName(name: string, properties: Readonly<Record<string, Schema>>): string {
  if (properties[name]) return name;
  const plain = name.toLowerCase();
  return (
    Object.keys(properties).find(
      (property) => property.toLowerCase().replaceAll('-', '').replace('$', '') === plain,
    ) ?? name
  );
}

function messageName(definition: string): string {
  return definition
    .replace(/^io\.k8s\./, 'k8s.io.')
    .replace('.apiextensions-apiserver.', '.apiextensions_apiserver.')
    .replace('.kube-aggregator.', '.kube_aggregator.');
}

function definitionOf(message: string): string {
  return message
    .replace(/^k8s\.io\./, 'io.k8s.')
    .replace('.apiextensions_apiserver.', '.apiextensions-apiserver.')
    .replace('.kube_aggregator.', '.kube-aggregator.');
}
