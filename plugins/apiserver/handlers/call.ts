import type {
  Attendance,
  Authenticator,
  Authorizer,
  BlobClient,
  BusClient,
  KubeObject,
  Logger,
  ObjectClient,
  ObjectKey,
  ServiceAccountTokens,
} from 'orlop/plugin';
import type { Exchange } from '../http/exchange.ts';
import type { ResourcePath } from '../http/path.ts';
import type { ResourceTable } from '../resources/table.ts';
import type { ResourceRow } from '../resources/types.ts';
import type { SchemaSource } from '../schemas/types.ts';
import type { Sessions } from '../server/sessions.ts';
import type { AdmissionStep } from './admission.ts';

/** What every handler works with. */
export interface Api {
  readonly objects: ObjectClient;
  readonly bus: BusClient;
  readonly blobs: BlobClient;
  readonly kernels: Pick<Attendance, 'members'>;
  readonly log: Logger;
  readonly table: ResourceTable;
  readonly schemas: SchemaSource;
  readonly protobuf: { decode(body: Uint8Array): KubeObject };
  readonly admission: AdmissionStep;
  readonly authenticator: Authenticator;
  /** Of everybody, `system:masters` included. */
  readonly authorizer: Authorizer;
  /** `undefined`: no plugin of the cluster issues tokens. */
  readonly tokens: ServiceAccountTokens | undefined;
  /** Ends watches, at once when another instance takes over: their clients go on with that one. */
  readonly replaced: AbortSignal;
  /** What streams else, and goes on then. */
  readonly sessions: Sessions;
}

/** One resolved and authenticated request about a resource. */
export interface Call {
  readonly api: Api;
  readonly exchange: Exchange;
  readonly row: ResourceRow;
  readonly path: ResourcePath;
}

export type Handler = (call: Call) => Promise<void>;

/** The object that the path names. */
export function keyOfPath({ row, path }: Pick<Call, 'row' | 'path'>): ObjectKey {
  return { ...(row.namespaced ? { namespace: path.namespace } : {}), name: path.name ?? '' };
}
