import type { Endpoint } from 'orlop/plugin';

/** An endpoint with the requests or connections it has in flight; a node of its bucket's list. */
export interface Member extends Endpoint {
  /** In flight. */
  load: number;
  /** Whether it may be chosen. One that left keeps counting down what it still has. */
  present: boolean;
  previous: Member | undefined;
  next: Member | undefined;
}

/**
 * Endpoints of one Service port. The choice is exact, the fewest in flight, and costs the same for any number of endpoints: one list per
 * load, and the lowest load that has a list. Among equals it is the one chosen longest ago.
 */
export class LeastBusy {
  readonly #members = new Map<string, Member>();
  readonly #first: (Member | undefined)[] = [];
  readonly #last: (Member | undefined)[] = [];
  #lowest = 0;

  get size(): number {
    return this.#members.size;
  }

  /** The endpoints from now on. Those that stay keep their load. */
  update(endpoints: Iterable<Endpoint>): void {
    const wanted = new Map<string, Endpoint>();
    for (const each of endpoints) wanted.set(nameOf(each), each);
    for (const [name, member] of this.#members) {
      if (wanted.has(name)) continue;
      this.#members.delete(name);
      this.#unlink(member);
      member.present = false;
    }
    for (const [name, { host, port }] of wanted) {
      if (this.#members.has(name)) continue;
      const member = { host, port, load: 0, present: true, previous: undefined, next: undefined };
      this.#members.set(name, member);
      this.#link(member);
      this.#lowest = 0;
    }
    this.#settle();
  }

  /** Takes the least busy one that `not` does not name. `undefined`: there is none. */
  take(not?: readonly Endpoint[]): Member | undefined {
    const member = not === undefined || not.length === 0 ? this.#first[this.#lowest] : this.#search(not);
    if (member) this.#add(member, 1);
    return member;
  }

  /** Takes this one, if it is present. */
  takeExactly(endpoint: Endpoint): Member | undefined {
    const member = this.#members.get(nameOf(endpoint));
    if (member) this.#add(member, 1);
    return member;
  }

  release(member: Member): void {
    if (member.present) this.#add(member, -1);
    else member.load -= 1;
  }

  #search(not: readonly Endpoint[]): Member | undefined {
    for (let load = this.#lowest; load < this.#first.length; load += 1) {
      for (let member = this.#first[load]; member; member = member.next) {
        const { host, port } = member;
        if (!not.some((each) => each.host === host && each.port === port)) return member;
      }
    }
    return undefined;
  }

  #add(member: Member, change: 1 | -1): void {
    this.#unlink(member);
    member.load += change;
    this.#link(member);
    if (member.load < this.#lowest) this.#lowest = member.load;
    else this.#settle();
  }

  #settle(): void {
    if (this.#members.size === 0) {
      this.#lowest = 0;
      return;
    }
    while (this.#first[this.#lowest] === undefined) this.#lowest += 1;
  }

  #link(member: Member): void {
    const { load } = member;
    const last = this.#last[load];
    member.previous = last;
    member.next = undefined;
    if (last) last.next = member;
    else this.#first[load] = member;
    this.#last[load] = member;
  }

  #unlink(member: Member): void {
    const { load, previous, next } = member;
    if (previous) previous.next = next;
    else this.#first[load] = next;
    if (next) next.previous = previous;
    else this.#last[load] = previous;
  }
}

function nameOf({ host, port }: Endpoint): string {
  return `${host} ${port}`;
}
