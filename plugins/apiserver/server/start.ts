import { setMaxListeners } from 'node:events';
import { join } from 'node:path';
import {
  type Admission,
  ApiServer,
  type Authenticator,
  type Authorizer,
  attend,
  type CertificateAuthority,
  type Context,
  type Instance,
  type OptionalToken,
  provide,
  type ServiceAccountTokens,
  type ServiceToken,
  WriteAdmission,
} from 'orlop/plugin';
import type { Config } from '../config.ts';
import { inOrder, namespaceLifecycle } from '../handlers/admission.ts';
import { Admissions } from '../handlers/admissions.ts';
import { escalationCheck } from '../handlers/escalation.ts';
import { readinessChecks } from '../handlers/health.ts';
import { defaultIngressClass } from '../handlers/ingress-class.ts';
import { pluginAdmission } from '../handlers/plugin-admission.ts';
import { writeAdmission } from '../handlers/plugin-writes.ts';
import { serviceAccountAdmission } from '../handlers/service-accounts.ts';
import { mastersFirst } from '../http/authorize.ts';
import { OpenApi } from '../openapi/documents.ts';
import { ProtobufDecoder } from '../protobuf/decode.ts';
import { releaseReservations } from '../resources/services/release.ts';
import { standardRows } from '../resources/standard.ts';
import { ResourceTable } from '../resources/table.ts';
import { protobufMessages, Schemas } from '../schemas/generated.ts';
import { advertisedAddress, firstAddress, serverHosts } from './addresses.ts';
import { app } from './app.ts';
import { seed } from './seed.ts';
import { holdSessions } from './sessions.ts';
import { tlsServer } from './tls.ts';

export type Requires = {
  admissions: ServiceToken<Admission, true>;
  authenticator: ServiceToken<Authenticator, false>;
  authorizer: OptionalToken<Authorizer>;
  ca: ServiceToken<CertificateAuthority, false>;
  tokens: OptionalToken<ServiceAccountTokens>;
};

/** How long answers may take that are under way when the cluster stops. */
const CLOSE_MS = 2_000;
/**
 * The same when another instance has taken over; how long logs, sessions in containers and proxied requests go on then, if that one does not
 * go on with them; and how long idle connections are answered on.
 */
const REPLACED_CLOSE_MS = 8_000;
const REPLACED_STREAMS_MS = 7_000;
const LINGER_MS = 1_000;

export async function start(ctx: Context<Config, Requires>): Promise<Instance> {
  const { config, objects, bus, blobs, log } = ctx;
  const kernels = attend(bus);
  ctx.defer(() => kernels.close());
  const [first = 30_000, last = 32_767] = config.serviceNodePortRange.split('-').map(Number);
  const table = new ResourceTable(
    standardRows({ serviceCIDR: config.serviceCIDR, nodePorts: [first, last] }),
  );
  const schemas = new Schemas();
  const watches = new AbortController();
  setMaxListeners(0, watches.signal);
  const held = holdSessions(ctx);
  const { sessions } = held;
  ctx.defer(() => held.end());
  const clusterIP = firstAddress(config.serviceCIDR);
  const address = advertisedAddress(config.address);
  let port = config.port;
  let isReplaced = false;

  const admissions = new Admissions({
    ...{ objects, log, signal: ctx.signal, kernel: ctx.kernel },
    present: ctx.services.admissions,
    file: join(ctx.dataDir, 'admissions.json'),
  });
  const own = [namespaceLifecycle(objects), serviceAccountAdmission(objects), defaultIngressClass(objects)];
  const plugins = pluginAdmission(admissions, schemas);
  const authorizer = mastersFirst(() => ctx.services.authorizer);
  const handle = app({
    api: {
      objects,
      bus,
      blobs,
      kernels,
      log,
      table,
      schemas,
      protobuf: new ProtobufDecoder(schemas, protobufMessages()),
      // Plugins are granted what they may do, not bound to it.
      admission: inOrder(...own, escalationCheck(objects, authorizer), plugins),
      authenticator: ctx.services.authenticator,
      authorizer,
      tokens: ctx.services.tokens,
      replaced: watches.signal,
      sessions,
    },
    documents: { table, openapi: new OpenApi(table, schemas), address: () => `${address}:${port}` },
    authenticator: ctx.services.authenticator,
    readiness: readinessChecks({
      objects,
      signal: sessions.abort.signal,
      authorizer: () => ctx.services.authorizer,
    }),
    version: versionInfo(schemas.version, ctx.kernel.version),
  });
  const { certificate, key } = await ctx.services.ca.issue({
    commonName: 'kube-apiserver',
    usage: 'server',
    hosts: serverHosts(config.address, clusterIP, config.hosts),
  });
  const ca = ctx.services.ca.certificate;
  const server = tlsServer(
    { cert: certificate, key, ca, requestCert: true, rejectUnauthorized: false },
    handle,
  );
  const listener = await ctx.listen({ host: config.address, port: config.port }, (socket) =>
    server.accept(socket),
  );
  port = listener.port;
  ctx.defer(async () => {
    watches.abort();
    const goesOn = !held.release();
    if (!isReplaced && !goesOn) sessions.abort.abort();
    const limit = goesOn ? undefined : setTimeout(() => sessions.abort.abort(), REPLACED_STREAMS_MS);
    const others = goesOn ? sessions.sockets : undefined;
    await (isReplaced ? server.close(REPLACED_CLOSE_MS, LINGER_MS, others) : server.close(CLOSE_MS));
    clearTimeout(limit);
  });
  await seed(objects, table, { clusterIP, address, port });
  const reservations = releaseReservations(ctx);
  ctx.defer(() => reservations.stop());
  const host = config.address === '0.0.0.0' || config.address === '::' ? '127.0.0.1' : config.address;
  const authority = host.includes(':') ? `[${host}]` : host;
  return {
    provides: [
      provide(ApiServer, { host, port, url: `https://${authority}:${port}` }),
      provide(
        WriteAdmission,
        writeAdmission({ table, objects, admission: inOrder(...own, plugins), admissions, plugins }),
      ),
    ],
    drain() {
      isReplaced = true;
      return held.drain();
    },
    resume() {
      isReplaced = false;
      held.resume();
    },
  };
}

function versionInfo(kubernetes: string, orlop: string): object {
  const [major = '', minor = ''] = kubernetes.split('.');
  return {
    major,
    minor,
    gitVersion: `v${kubernetes}+orlop-${orlop}`,
    gitCommit: '',
    gitTreeState: '',
    buildDate: '',
    goVersion: '',
    compiler: `node ${process.version}`,
    platform: `${process.platform}/${process.arch === 'x64' ? 'amd64' : process.arch}`,
  };
}
