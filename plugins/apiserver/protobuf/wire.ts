/** Varints as `bigint`, everything else as its bytes. */
export type WireValue = bigint | Buffer;

/** The fields of one message in wire order: `[field number, value]`. Throws `RangeError` when it is cut short. Source: protobuf encoding. */
export function* fieldsOf(message: Buffer): Generator<[number, WireValue]> {
  let at = 0;

  function varint(): bigint {
    let result = 0n;
    for (let shift = 0n; shift < 70n; shift += 7n) {
      const byte = message[at];
      if (byte === undefined) break;
      at += 1;
      result |= BigInt(byte & 0x7f) << shift;
      if (byte < 0x80) return result;
    }
    throw new RangeError('malformed varint');
  }

  function bytes(length: number): Buffer {
    if (length > message.length - at) throw new RangeError('message is cut short');
    at += length;
    return message.subarray(at - length, at);
  }

  while (at < message.length) {
    const tag = Number(varint());
    const number = tag >>> 3;
    switch (tag & 7) {
      case 0:
        yield [number, varint()];
        break;
      case 1:
        yield [number, bytes(8)];
        break;
      case 2:
        yield [number, bytes(Number(varint()))];
        break;
      case 5:
        yield [number, bytes(4)];
        break;
      default:
        throw new RangeError(`unknown wire type ${tag & 7}`);
    }
  }
}
