import type { Socket } from 'node:net';
import { NodeTransport } from 'nats/lib/src/node_transport.js';

/**
 * When a server ends a connection the client takes all its listeners from the socket and destroys it. A write that was still to be flushed
 * then fails with nobody to hear it, which would end the process. The client learns of the end by itself; this only hears the error.
 */
export function hearLateErrors(): void {
  const { setupHandlers } = NodeTransport.prototype;
  NodeTransport.prototype.setupHandlers = function (this: NodeTransport): void {
    setupHandlers.call(this);
    const socket: Socket = this.socket;
    const removeAllListeners = socket.removeAllListeners.bind(socket);
    socket.removeAllListeners = (event) => {
      removeAllListeners(event);
      return socket.on('error', () => undefined);
    };
  };
}
