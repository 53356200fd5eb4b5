import Docker from 'dockerode';

/** The version of the Docker engine that `DOCKER_HOST` or the default socket leads to; `undefined` when none answers. */
export async function dockerVersion(): Promise<string | undefined> {
  try {
    const { Version } = await new Docker({ timeout: 2_000 }).version();
    return Version;
  } catch {
    return undefined;
  }
}
