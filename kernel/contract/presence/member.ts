/** One kernel that is alive. */
export interface Member {
  /** `ctx.kernel.id`: the same after a restart. */
  readonly id: string;
  /** Of this run of it. */
  readonly session: string;
  /** RFC 3339. */
  readonly started: string;
  readonly version: string;
  /** The node it stands for, if any. */
  readonly node?: string;
  /** e.g. `server`, `node`. */
  readonly roles: readonly string[];
}

/** What a member says of itself, and how often it does, in milliseconds. */
export interface Sign {
  readonly member: Member;
  readonly interval: number;
}

/** Subjects of signs of life, of the last one at an orderly stop (a `Member`), and of the question who is there, which all answer with a sign. */
export const PRESENCE = { here: 'presence.here', bye: 'presence.bye', who: 'presence.who' } as const;

/** Whatever else is on the bus is not taken for a sign. */
export function isSign(data: unknown): data is Sign {
  const { member, interval } = (data ?? {}) as Partial<Sign>;
  return isMember(member) && typeof interval === 'number' && interval > 0;
}

export function isMember(data: unknown): data is Member {
  const { id, session, started, version, roles } = (data ?? {}) as Partial<Member>;
  return [id, session, started, version].every((each) => typeof each === 'string') && Array.isArray(roles);
}
