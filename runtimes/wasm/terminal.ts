/** What becomes of typed bytes. */
export interface Typed {
  /** What the screen shows of them. */
  echo: Buffer;
  /** What the program reads: whole lines, `null` for the end of its input. */
  input: (Buffer | null)[];
  /** Ctrl-C: the program is to end. */
  interrupted: boolean;
}

const [CTRL_C, CTRL_D, BACKSPACE, NEWLINE, RETURN, CTRL_U, DELETE] = [3, 4, 8, 10, 13, 21, 127];
const ERASED = '\b \b';

/**
 * What the kernel of a Unix does between a keyboard and a program that reads lines: it echoes, erases, and ends lines and input. Clients
 * switch their own terminal to raw for a session with one, so somebody has to. Source: termios(3), canonical mode.
 */
export class Terminal {
  #line: number[] = [];

  type(bytes: Uint8Array): Typed {
    const typed: Typed = { echo: Buffer.alloc(0), input: [], interrupted: false };
    const shown: (string | Buffer)[] = [];
    for (const byte of bytes) {
      if (byte === RETURN || byte === NEWLINE) {
        shown.push('\r\n');
        typed.input.push(this.#take(NEWLINE));
      } else if (byte === CTRL_D) {
        typed.input.push(this.#line.length === 0 ? null : this.#take());
      } else if (byte === CTRL_C) {
        shown.push('^C\r\n');
        this.#line = [];
        typed.interrupted = true;
      } else if (byte === BACKSPACE || byte === DELETE) {
        if (this.#erase()) shown.push(ERASED);
      } else if (byte === CTRL_U) {
        while (this.#erase()) shown.push(ERASED);
      } else {
        this.#line.push(byte);
        shown.push(byte < 32 && byte !== 9 ? `^${String.fromCharCode(byte + 64)}` : Buffer.of(byte));
      }
    }
    typed.echo = Buffer.concat(shown.map((each) => (typeof each === 'string' ? Buffer.from(each) : each)));
    return typed;
  }

  #take(...end: number[]): Buffer {
    const line = Buffer.from([...this.#line, ...end]);
    this.#line = [];
    return line;
  }

  /** Takes back the last character, of as many bytes as UTF-8 gave it. */
  #erase(): boolean {
    let byte = this.#line.pop();
    if (byte === undefined) return false;
    while (byte !== undefined && (byte & 0xc0) === 0x80) byte = this.#line.pop();
    return true;
  }
}

/** A program's output as a terminal in raw mode wants it: each new line at its beginning. */
export function toScreen(bytes: Uint8Array): Uint8Array {
  return bytes.includes(NEWLINE)
    ? Buffer.from(Buffer.from(bytes).toString('latin1').replaceAll('\n', '\r\n'), 'latin1')
    : bytes;
}
