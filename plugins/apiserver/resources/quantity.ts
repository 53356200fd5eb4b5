const QUANTITY = /^([+-]?)(\d*)(?:\.(\d*))?(?:(Ki|Mi|Gi|Ti|Pi|Ei|n|u|m|k|M|G|T|P|E)|[eE]([+-]?\d+))?$/;
const DECIMAL = new Map([
  ['n', -9],
  ['u', -6],
  ['m', -3],
  ['', 0],
  ['k', 3],
  ['M', 6],
  ['G', 9],
  ['T', 12],
  ['P', 15],
  ['E', 18],
]);
const BINARY = ['', 'Ki', 'Mi', 'Gi', 'Ti', 'Pi', 'Ei'];
const MAX = 2n ** 63n - 1n;

/**
 * A quantity with no fraction and the largest suffix that allows it: `0.5` is `500m`, `1000m` is `1`, `1.5Gi` is `1536Mi`. `undefined`
 * when it is not a quantity. Source: apimachinery `resource.Quantity`.
 */
export function canonicalQuantity(text: string): string | undefined {
  const match = QUANTITY.exec(text);
  if (!match) return undefined;
  const [, sign, whole = '', fraction = '', suffix = '', exponent] = match;
  if (whole === '' && fraction === '') return undefined;
  const digits = BigInt(whole + fraction);
  const prefix = sign === '-' && digits !== 0n ? '-' : '';
  const binary = BINARY.indexOf(suffix);
  if (binary > 0) {
    const scaled = digits * 1024n ** BigInt(binary);
    const unit = 10n ** BigInt(fraction.length);
    if (scaled % unit === 0n) return prefix + binaryForm(cap(scaled / unit));
    return prefix + decimalForm(scaled, -fraction.length, undefined);
  }
  const power = exponent === undefined ? DECIMAL.get(suffix)! : Number(exponent);
  return prefix + decimalForm(digits, power - fraction.length, exponent);
}

function cap(value: bigint): bigint {
  return value > MAX ? MAX : value;
}

function binaryForm(value: bigint): string {
  // Below 1Ki upstream falls back to the decimal form, which is the same digits.
  let step = 0;
  let rest = value;
  while (rest !== 0n && rest % 1024n === 0n && step < BINARY.length - 1) {
    rest /= 1024n;
    step += 1;
  }
  return `${rest}${BINARY[step]}`;
}

/** `digits` x 10^`power`, rounded up to a nano. */
function decimalForm(digits: bigint, power: number, exponent: string | undefined): string {
  if (digits === 0n) return '0';
  let [value, scale] = [digits, power];
  while (scale < -9) {
    value = value / 10n + (value % 10n === 0n ? 0n : 1n);
    scale += 1;
  }
  while (value % 10n === 0n) {
    value /= 10n;
    scale += 1;
  }
  while (scale % 3 !== 0 || scale > 18) {
    value *= 10n;
    scale -= 1;
  }
  if (exponent !== undefined) return scale === 0 ? String(value) : `${value}e${scale}`;
  const suffix = [...DECIMAL].find(([, of]) => of === scale)![0];
  return `${value}${suffix}`;
}
