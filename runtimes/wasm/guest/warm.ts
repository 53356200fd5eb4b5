import { createServer } from 'node:http';
import { Duplex } from 'node:stream';

/**
 * Answers one request without a socket, so that the HTTP server's code is loaded and compiled before a pod's first request needs it: that
 * one is then answered some milliseconds sooner.
 */
export function warmHttp(): Promise<void> {
  return new Promise((resolve) => {
    const server = createServer((_request, response) => {
      response.writeHead(200, ['content-length', '0']).end();
    });
    const connection = new Duplex({
      read() {},
      write(_chunk, _encoding, done) {
        done();
      },
    });
    connection.once('close', () => {
      // Ends the timer that looks for stale connections; it never listened.
      server.close();
      resolve();
    });
    server.emit('connection', connection);
    connection.push('GET / HTTP/1.1\r\nhost: warm\r\nconnection: close\r\n\r\n');
  });
}
