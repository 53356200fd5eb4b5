const QUOTE = 0x22;
const BACKSLASH = 0x5c;
const COLON = 0x3a;
const COMMA = 0x2c;
const OPEN_OBJECT = 0x7b;
const CLOSE_OBJECT = 0x7d;
const OPEN_ARRAY = 0x5b;
const CLOSE_ARRAY = 0x5d;

interface Level {
  /** Keys so far; absent for an array. */
  keys: Set<string> | undefined;
  /** The key being read, or the element's index. */
  at: string | number;
}

/**
 * Paths of the fields that occur twice in valid JSON, e.g. `spec.ports[0].name`: `JSON.parse` keeps the last of them and says nothing.
 */
export function duplicateFields(json: string): string[] {
  const found: string[] = [];
  const levels: Level[] = [];
  let level: Level | undefined;
  let text = '';
  for (let i = 0; i < json.length; i += 1) {
    switch (json.charCodeAt(i)) {
      case QUOTE: {
        const end = stringEnd(json, i);
        // A string is a key when a colon follows: only then is it looked at.
        text = level?.keys ? json.slice(i, end) : '';
        i = end - 1;
        break;
      }
      case COLON: {
        const key = text.includes('\\') ? (JSON.parse(text) as string) : text.slice(1, -1);
        level!.at = key;
        if (level!.keys!.has(key)) found.push(pathOf(levels));
        level!.keys!.add(key);
        break;
      }
      case COMMA:
        if (typeof level?.at === 'number') level.at += 1;
        break;
      case OPEN_OBJECT:
        level = { keys: new Set(), at: '' };
        levels.push(level);
        break;
      case OPEN_ARRAY:
        level = { keys: undefined, at: 0 };
        levels.push(level);
        break;
      case CLOSE_OBJECT:
      case CLOSE_ARRAY:
        levels.pop();
        level = levels.at(-1);
        break;
    }
  }
  return found;
}

/** The index after the closing quote. */
function stringEnd(json: string, start: number): number {
  let i = start + 1;
  while (i < json.length && json.charCodeAt(i) !== QUOTE) i += json.charCodeAt(i) === BACKSLASH ? 2 : 1;
  return i + 1;
}

function pathOf(levels: readonly Level[]): string {
  return levels.map(({ at }, i) => (typeof at === 'number' ? `[${at}]` : i === 0 ? at : `.${at}`)).join('');
}
