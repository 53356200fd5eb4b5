/** The yardstick of reads: a node:https server in a process of its own that answers everything with the same bytes. Started with `fork`. */
import { createServer } from 'node:https';

process.once('message', (message) => {
  const { cert, key, bytes } = message as { cert: string; key: string; bytes: number };
  const body = Buffer.alloc(bytes, 'x');
  const server = createServer({ cert, key, noDelay: true }, (_incoming, outgoing) => {
    outgoing.writeHead(200, { 'Content-Type': 'application/json', 'Content-Length': body.length });
    outgoing.end(body);
  });
  server.listen(0, '127.0.0.1', () => process.send!((server.address() as { port: number }).port));
});
