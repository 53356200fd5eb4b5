import { createServer, TLSSocket } from 'node:tls';
import type { Context, Instance, Listener, LoadBalancer } from 'orlop/plugin';
import { Certificates, selfSigned } from './certificates.ts';
import type { Config } from './config.ts';
import type { Scheme } from './downstream.ts';
import { HttpProxy } from './proxy.ts';
import { Routes } from './routes.ts';
import { ensureClass, machineAddress, statusWriter } from './status.ts';
import { watchTables } from './tables.ts';

export async function start(ctx: Context<Config, { loadBalancer: typeof LoadBalancer }>): Promise<Instance> {
  const { address, httpPort, httpsPort } = ctx.config;
  const proxy = new HttpProxy(ctx.services.loadBalancer);
  let isReplaced = false;
  const listeners: Partial<Record<Scheme, Listener>> = {};
  ctx.defer(() => proxy.stop(isReplaced ? (socket, scheme) => listeners[scheme]!.pass(socket) : undefined));
  const fallback = await selfSigned();
  const certificates = new Certificates(ctx.log, fallback);
  await ensureClass(ctx);
  const tables = await watchTables(ctx, ({ ours, secrets }) => {
    const ingresses = ours();
    proxy.routes = new Routes(ingresses);
    certificates.update(ingresses, secrets);
  });

  const secure = createServer(
    {
      ...fallback,
      ALPNProtocols: ['http/1.1'],
      SNICallback: (name, done) => done(null, certificates.find(name)),
    },
    (socket) => proxy.serve(socket, 'https'),
  );
  // A handshake that fails is the client's affair, and its connection is closed.
  secure.on('tlsClientError', (error) => ctx.log.debug('a TLS handshake failed', { error: error.message }));

  const http = await ctx.listen({ host: address, port: httpPort }, (socket) => proxy.serve(socket, 'http'));
  const https = await ctx.listen({ host: address, port: httpsPort }, (socket) => {
    // One whose handshake a predecessor has done.
    if (socket instanceof TLSSocket) proxy.serve(socket, 'https');
    else secure.emit('connection', socket);
  });
  Object.assign(listeners, { http, https });
  const status = statusWriter(ctx, tables, await machineAddress(), [http.port, https.port]);
  ctx.defer(() => status.stop());
  ctx.log.info('serving Ingresses', { http: http.port, https: https.port });
  return {
    drain() {
      isReplaced = true;
      return undefined;
    },
    resume() {
      isReplaced = false;
    },
  };
}
