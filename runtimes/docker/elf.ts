/**
 * The program of the pause container: it holds a pod's namespaces and does nothing. It ignores SIGCHLD (so that orphans need no reaping),
 * blocks SIGTERM and SIGINT, and waits for one of them:
 *
 *     rt_sigaction(SIGCHLD, &ignore, NULL, 8); rt_sigprocmask(SIG_BLOCK, &set, NULL, 8);
 *     while (rt_sigtimedwait(&set, NULL, NULL, 8) < 0); exit(0);
 *
 * A PID 1 has no default signal actions, hence the explicit wait instead of pause(2).
 */
interface Target {
  /** `e_machine` of the ELF header. */
  machine: number;
  /** Position-independent machine code. */
  code: string;
}

/** SIGTERM and SIGINT as a sigset; then a sigaction with SIG_IGN. Follows the code, which addresses it relatively. */
const DATA = `0240${'00'.repeat(6)}01${'00'.repeat(31)}`;

const TARGETS: Record<string, Target> = {
  amd64: {
    machine: 62,
    code:
      'b80d000000bf11000000488d354f00000031d241ba080000000f05' + // rt_sigaction
      'b80e00000031ff488d352f00000031d241ba080000000f05' + // rt_sigprocmask
      'b880000000488d3d1900000031f631d241ba080000000f05' + // rt_sigtimedwait
      '85c078e4' + // again while negative
      'b83c00000031ff0f05', // exit(0)
  },
  arm64: {
    machine: 183,
    code:
      'c81080d2200280d2c1020010020080d2030180d2010000d4' + // rt_sigaction
      'e81080d2000080d2c1010010020080d2030180d2010000d4' + // rt_sigprocmask
      '281180d220010010010080d2020080d2030180d2010000d4' + // rt_sigtimedwait
      '40ffff37' + // again while negative
      'a80b80d2000080d2010000d4', // exit(0)
  },
};

const BASE = 0x400000n;
const HEADERS = 64 + 56;

/** A static ELF executable for an architecture as Docker names it; `undefined` where there is none. */
export function pauseProgram(architecture: string): Buffer | undefined {
  const target = TARGETS[architecture];
  if (!target) return undefined;
  const text = Buffer.from(target.code + DATA, 'hex');
  const size = BigInt(HEADERS + text.length);
  const head = Buffer.alloc(HEADERS);
  head.write('\x7fELF', 0, 'latin1');
  head.set([2, 1, 1], 4); // 64 bits, little-endian, version 1
  head.writeUInt16LE(2, 16); // ET_EXEC
  head.writeUInt16LE(target.machine, 18);
  head.writeUInt32LE(1, 20);
  head.writeBigUInt64LE(BASE + BigInt(HEADERS), 24); // entry point
  head.writeBigUInt64LE(64n, 32); // program headers follow this header
  head.writeUInt16LE(64, 52);
  head.writeUInt16LE(56, 54);
  head.writeUInt16LE(1, 56); // one program header:
  head.writeUInt32LE(1, 64); // PT_LOAD
  head.writeUInt32LE(5, 68); // readable, executable
  head.writeBigUInt64LE(BASE, 80);
  head.writeBigUInt64LE(BASE, 88);
  head.writeBigUInt64LE(size, 96);
  head.writeBigUInt64LE(size, 104);
  head.writeBigUInt64LE(0x1000n, 112);
  return Buffer.concat([head, text]);
}
