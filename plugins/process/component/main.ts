/**
 * A child that runs a WebAssembly component and speaks the protocol for it: `node main.js KIND COMPONENT`. In a process of its own, so that one
 * that hangs can be killed.
 */
import { readFile } from 'node:fs/promises';
import { createInterface } from 'node:readline';
import { answer, type JsonObject, type Message, PROTOCOL, UnknownMethod } from '../messages.ts';
import { scoring } from './scoring.ts';
import { type Binding, instantiate } from './transpile.ts';

/** By kind, the world its components are for. */
const WORLDS: Readonly<Record<string, () => Binding>> = { 'scheduler-scoring.v1': scoring };

const [kind = '', file = ''] = process.argv.slice(2);
let binding: Binding | undefined;
/** Why the component can be called no more. */
let trap: string | undefined;

async function initialize(params: JsonObject) {
  const world = WORLDS[kind];
  if (!world)
    throw new Error(
      `there is no world for components of kind ${kind}; there is one for ${Object.keys(WORLDS).join(', ')}`,
    );
  const next = world();
  const exports = await instantiate(await readFile(file), next.imports);
  next.start(exports, params['config'] ?? {});
  binding = next;
  return { protocol: PROTOCOL };
}

async function serve(method: string, params: JsonObject) {
  switch (method) {
    case 'initialize':
      return await initialize(params);
    case 'health':
      return { healthy: true };
    case 'shutdown':
      return null;
    default: {
      const call = binding?.methods[method];
      if (!call) throw new UnknownMethod(`a component of kind ${kind} has no method ${method}`);
      try {
        return call(params);
      } catch (error) {
        if (error instanceof WebAssembly.RuntimeError) trap = `trap: ${error.message}`;
        throw error;
      }
    }
  }
}

for await (const line of createInterface({ input: process.stdin })) {
  const message = JSON.parse(line) as Message;
  if (message.id === undefined) continue;
  process.stdout.write(`${JSON.stringify(await answer(message, serve))}\n`);
  if (message.method === 'shutdown' || trap !== undefined) break;
}
if (trap !== undefined) {
  console.error(trap);
  process.exitCode = 1;
}
process.stdin.destroy();
