import { ApiServer, CertificateAuthority, informer, type Logger, Plugins } from 'orlop/plugin';
import type { Kernel } from '../../kernel/kernel.ts';
import { writeKubeconfig } from './kubeconfig.ts';
import { kubeconfigPath } from './paths.ts';

/** How the API server of this process is reached. */
export interface Reach {
  /** When it was started. */
  readonly url: string;
  readonly kubeconfig: string;
  stop(): Promise<void>;
}

/** Writes the kubeconfig, for where the API server listens, and anew whenever that is elsewhere. `undefined`: there is none in this process. */
export async function keepKubeconfig(kernel: Kernel, data: string, log: Logger): Promise<Reach | undefined> {
  if (!kernel.plugins().some(({ provides }) => provides.includes(ApiServer.kind))) return undefined;
  const server = kernel.service(ApiServer);
  const ca = kernel.service(CertificateAuthority);
  const path = kubeconfigPath(data);
  let { url } = server;
  await writeKubeconfig(path, url, ca);
  const first = url;
  const check = async (): Promise<void> => {
    const now = server.url;
    if (now === url) return;
    await writeKubeconfig(path, now, ca);
    url = now;
    log.info('the API server listens elsewhere now: the kubeconfig says so', { url });
  };
  const failed = (error: unknown): void => log.error(`the kubeconfig ${path} cannot be written`, { error });
  let writing = Promise.resolve();
  const over = new AbortController();
  // A swap of it is told there when it has taken place.
  const plugins = informer(
    { objects: kernel.objects, log, signal: over.signal },
    Plugins,
    {},
    {
      changed() {
        writing = writing.then(check).catch(failed);
      },
      deleted() {},
    },
  );
  return {
    url: first,
    kubeconfig: path,
    async stop() {
      over.abort();
      plugins.close();
      await writing;
    },
  };
}
