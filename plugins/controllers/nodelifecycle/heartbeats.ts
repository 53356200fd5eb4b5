import { findCondition, type Lease, type Node } from 'orlop/plugin';

/**
 * When each node was last heard of, on this process's own clock: a sign of life is a lease or a node status that has changed, whatever
 * time it carries. So clocks need not agree, and everyone gets a full grace period when this controller starts.
 */
export class Heartbeats {
  private readonly seen = new Map<string, { lease: string; status: string; at: number }>();

  lease(lease: Lease, now: number): void {
    const name = lease.metadata?.name ?? '';
    const beat = this.of(name, now);
    const renewed = lease.spec?.renewTime ?? '';
    if (beat.lease === renewed) return;
    beat.lease = renewed;
    beat.at = now;
  }

  status(node: Node, now: number): void {
    const beat = this.of(node.metadata?.name ?? '', now);
    const ready = findCondition(node.status?.conditions, 'Ready');
    // What this controller wrote itself is no sign of life.
    if (ready?.status === 'Unknown') return;
    const status = `${ready?.status} ${ready?.lastHeartbeatTime}`;
    if (beat.status === status) return;
    beat.status = status;
    beat.at = now;
  }

  /** Milliseconds. */
  silence(node: string, now: number): number {
    return now - this.of(node, now).at;
  }

  forget(node: string): void {
    this.seen.delete(node);
  }

  private of(node: string, now: number): { lease: string; status: string; at: number } {
    let beat = this.seen.get(node);
    if (!beat) {
      beat = { lease: '', status: '', at: now };
      this.seen.set(node, beat);
    }
    return beat;
  }
}
