import { service } from '../plugin.ts';

/** `apiserver.v1`: where the Kubernetes API is served. */
export interface ApiServer {
  /** An address of this machine that reaches it. */
  readonly host: string;
  readonly port: number;
  /** e.g. `https://127.0.0.1:6443`. */
  readonly url: string;
}

export const ApiServer = service<ApiServer>('apiserver.v1');
