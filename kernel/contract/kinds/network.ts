import { service } from '../plugin.ts';

/**
 * How a pod is reached. `local`: the address is bindable on the node's own network stack (WASM pods listen on it). `bridge`: the
 * runtime attaches the pod's network namespace to the bridge subnet.
 */
export type Attachment = 'local' | 'bridge';

export interface PodAddress {
  ip: string;
  attachment: Attachment;
}

/** `network.v1`: pod addresses of one node. Called by the node agent; names follow CNI (ADD, DEL, CHECK). */
export interface PodNetwork {
  /** The node's pod CIDR, e.g. `10.244.0.0/24`. */
  readonly podCIDR: string;
  /** The part of it that runtimes with attachment `bridge` own, and its gateway. */
  readonly bridge: { readonly cidr: string; readonly gateway: string };
  /** The node's own address that pods and other nodes reach it by. */
  readonly nodeIP: string;
  /** Idempotent per pod: the same pod gets the same address until `del`. Addresses are reused as late as possible. */
  add(podUid: string, attachment: Attachment): Promise<PodAddress>;
  /** Re-adoption: records that a live pod holds this address. */
  adopt(podUid: string, address: PodAddress): Promise<void>;
  del(podUid: string): Promise<void>;
}

export const PodNetwork = service<PodNetwork>('network.v1');
