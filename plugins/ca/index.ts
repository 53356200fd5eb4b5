import { dirname, join } from 'node:path';
import { CertificateAuthority, definePlugin, provide } from 'orlop/plugin';
import { certificateAuthority } from './ca.ts';
import { takeOver } from './move.ts';

export default definePlugin({
  name: 'ca',
  kind: 'ca.v1',
  version: '1.0.0',
  description: "Keeps the cluster's certificate authority and issues its certificates.",
  required: true,
  provides: [CertificateAuthority],
  grants: { host: ['files'] },
  async start(ctx) {
    takeOver(join(dirname(ctx.dataDir), 'auth'), ctx.dataDir);
    return { provides: [provide(CertificateAuthority, await certificateAuthority(ctx.dataDir))] };
  },
});
