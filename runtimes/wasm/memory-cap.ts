/** The little of the WebAssembly binary format this runtime reads itself. Source: core specification, "Binary Format". */

const PAGE = 65_536;
const MEMORY_SECTION = 5;
const HAS_MAXIMUM = 1;

/** What the first eight bytes say: a core module, a component, or neither. */
export function binaryKind(bytes: Uint8Array): 'module' | 'component' | undefined {
  if (bytes.length < 8 || bytes[0] !== 0 || bytes[1] !== 0x61 || bytes[2] !== 0x73 || bytes[3] !== 0x6d) {
    return undefined;
  }
  const version = bytes[4]! | (bytes[5]! << 8);
  const layer = bytes[6]! | (bytes[7]! << 8);
  if (layer === 0 && version === 1) return 'module';
  return layer === 1 ? 'component' : undefined;
}

/**
 * The module with the maximum of every memory it defines lowered to `limit` bytes: V8 has no other bound for one memory. Throws an
 * `Error` when a memory starts larger than that.
 */
export function capMemory(module: Uint8Array, limit: number): Uint8Array {
  const pages = Math.floor(limit / PAGE);
  const out: Uint8Array[] = [module.subarray(0, 8)];
  for (let at = 8; at < module.length; ) {
    const [length, width] = readVarint(module, at + 1);
    const start = at + 1 + width;
    const end = start + length;
    out.push(
      module[at] === MEMORY_SECTION
        ? capSection(module.subarray(start, end), pages)
        : module.subarray(at, end),
    );
    at = end;
  }
  return Buffer.concat(out);
}

function capSection(section: Uint8Array, pages: number): Uint8Array {
  let [count, at] = readVarint(section, 0);
  const body = writeVarint(count);
  for (; count > 0; count--) {
    const flags = section[at]!;
    const [minimum, minimumWidth] = readVarint(section, at + 1);
    at += 1 + minimumWidth;
    let maximum = pages;
    if (flags & HAS_MAXIMUM) {
      const [declared, width] = readVarint(section, at);
      maximum = Math.min(declared, pages);
      at += width;
    }
    if (minimum > maximum) {
      throw new Error(
        `the component needs at least ${minimum * PAGE} bytes of memory, its limit is ${pages * PAGE}: raise resources.limits.memory`,
      );
    }
    body.push(flags | HAS_MAXIMUM, ...writeVarint(minimum), ...writeVarint(maximum));
  }
  return Uint8Array.from([MEMORY_SECTION, ...writeVarint(body.length), ...body]);
}

/** LEB128: the value and how many bytes it takes. */
function readVarint(bytes: Uint8Array, at: number): [value: number, width: number] {
  let value = 0;
  let width = 0;
  let byte: number;
  do {
    byte = bytes[at + width] ?? 0;
    value += (byte & 127) * 2 ** (7 * width);
    width += 1;
  } while (byte & 128);
  return [value, width];
}

function writeVarint(value: number): number[] {
  const bytes: number[] = [];
  let rest = value;
  do {
    const byte = rest % 128;
    rest = Math.floor(rest / 128);
    bytes.push(rest > 0 ? byte | 128 : byte);
  } while (rest > 0);
  return bytes;
}
