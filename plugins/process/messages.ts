import { asStatusError, type Json, type StatusDetails, StatusError, type StatusReason } from 'orlop/plugin';

/** What `initialize` says; a plugin answers with the one it speaks. */
export const PROTOCOL = 1;

export type JsonObject = { [key: string]: Json | undefined };

/** JSON-RPC 2.0. A request has method and id, a notification no id, a response no method. */
export interface Message {
  jsonrpc: '2.0';
  id?: number | string | null;
  method?: string;
  params?: JsonObject;
  result?: Json;
  error?: RpcError;
}

export interface RpcError {
  code: number;
  message: string;
  /** Why, as a Kubernetes Status says it. */
  data?: { reason?: StatusReason; details?: StatusDetails };
}

const METHOD_NOT_FOUND = -32601;
const REFUSED = -32000;

/** A method that the other end does not have. */
export class UnknownMethod extends StatusError {
  constructor(message: string) {
    super('InternalError', message);
  }
}

export function request(id: number, method: string, params: JsonObject): Message {
  return { jsonrpc: '2.0', id, method, params };
}

export function notification(method: string, params: JsonObject): Message {
  return { jsonrpc: '2.0', method, params };
}

/** The answer to a request, whatever became of it. Never rejects. */
export async function answer({ id = null, method, params }: Message, serve: Serve): Promise<Message> {
  try {
    return { jsonrpc: '2.0', id, result: (await serve(method!, params ?? {})) ?? null };
  } catch (error) {
    return { jsonrpc: '2.0', id, error: rpcError(error) };
  }
}

/** What the host does for the other end. Throws `UnknownMethod` or a `StatusError`. */
export type Serve = (method: string, params: JsonObject) => Promise<Json | undefined>;

export function rpcError(error: unknown): RpcError {
  if (error instanceof UnknownMethod) return { code: METHOD_NOT_FOUND, message: error.message };
  const { message, reason, details } = asStatusError(error);
  return { code: REFUSED, message, data: { reason, details } };
}

/** The result of a response. `label` names who gave it. */
export function resultOf({ error, result = null }: Message, label: string): Json {
  if (error === undefined) return result;
  const said = typeof error.message === 'string' ? error.message : 'an error without a message';
  const message = `${label}: ${said}`;
  if (error.code === METHOD_NOT_FOUND) throw new UnknownMethod(message);
  const { reason = 'InternalError', details } = error.data ?? {};
  const refusal = new StatusError(reason, message, typeof details === 'object' && details ? details : {});
  // A reason that Kubernetes does not have has no code, and whoever asked could not pass it on.
  throw typeof refusal.code === 'number' ? refusal : new StatusError('InternalError', message);
}

/** Why something that was received is no message, if so. */
export function messageProblem(value: unknown): string | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return 'is no JSON-RPC object';
  const { method, id, params, result, error } = value as Message;
  if (method === undefined) {
    if (typeof id !== 'number') return 'has neither a method nor the id of a request';
    if ((result === undefined) === (error === undefined)) return 'must have either a result or an error';
    return error !== undefined && (typeof error !== 'object' || error === null)
      ? 'has an error that is no object'
      : undefined;
  }
  if (typeof method !== 'string') return 'has a method that is no string';
  if (params !== undefined && (typeof params !== 'object' || params === null || Array.isArray(params)))
    return 'has params that are no object';
  return undefined;
}
