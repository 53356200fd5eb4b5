import type { HTTPIngressPath, Ingress, IngressBackend } from 'orlop/plugin';

/** Where a request goes: a port, by name or number, of a Service. */
export interface Backend {
  readonly namespace: string;
  readonly service: string;
  readonly port: string | number;
}

/** The paths of one host. */
class Paths {
  readonly #exact = new Map<string, Backend>();
  /** Without their trailing slash; `''` is the root. */
  readonly #prefixes = new Map<string, Backend>();
  #longest = 0;

  /** The first one of a path stays. */
  add({ path = '/', pathType }: HTTPIngressPath, backend: Backend): void {
    if (pathType === 'Exact') {
      if (!this.#exact.has(path)) this.#exact.set(path, backend);
      return;
    }
    const prefix = path.endsWith('/') ? path.slice(0, -1) : path;
    if (this.#prefixes.has(prefix)) return;
    this.#prefixes.set(prefix, backend);
    this.#longest = Math.max(this.#longest, prefix.length);
  }

  /** The exact path, else the longest prefix by whole segments. */
  find(path: string): Backend | undefined {
    const exact = this.#exact.get(path) ?? this.#prefixes.get(path);
    if (exact) return exact;
    // No prefix is longer than the longest, and the slash that ends it comes right after.
    let slash = path.lastIndexOf('/', this.#longest);
    while (slash >= 0) {
      const found = this.#prefixes.get(path.slice(0, slash));
      if (found) return found;
      if (slash === 0) return undefined;
      slash = path.lastIndexOf('/', slash - 1);
    }
    return undefined;
  }
}

/** All rules of all Ingresses: by host, then by path. Rebuilt as a whole when one changes. Source: the Ingress API's rule matching. */
export class Routes {
  readonly #hosts = new Map<string, Paths>();
  /** By the part after `*.`. */
  readonly #wildcards = new Map<string, Paths>();
  readonly #everyHost = new Paths();
  #default: Backend | undefined;

  /** Where two Ingresses say the same, the older one counts. */
  constructor(ingresses: Iterable<Ingress> = []) {
    for (const ingress of [...ingresses].sort(byAge)) this.#add(ingress);
  }

  #add(ingress: Ingress): void {
    const { rules = [], defaultBackend } = ingress.spec ?? {};
    const namespace = ingress.metadata?.namespace ?? '';
    this.#default ??= backendOf(namespace, defaultBackend);
    for (const { host = '', http } of rules) {
      const paths = this.#pathsOf(host.toLowerCase());
      for (const path of http?.paths ?? []) {
        const backend = backendOf(namespace, path.backend);
        if (backend) paths.add(path, backend);
      }
    }
  }

  #pathsOf(host: string): Paths {
    if (host === '') return this.#everyHost;
    const wildcard = host.startsWith('*.');
    const hosts = wildcard ? this.#wildcards : this.#hosts;
    const name = wildcard ? host.slice(2) : host;
    const paths = hosts.get(name) ?? new Paths();
    hosts.set(name, paths);
    return paths;
  }

  /** `host`: lower case, without port. The most precise host that has the path, then rules without host, then the default backend. */
  find(host: string, path: string): Backend | undefined {
    const dot = host.indexOf('.');
    return (
      this.#hosts.get(host)?.find(path) ??
      (dot > 0 ? this.#wildcards.get(host.slice(dot + 1))?.find(path) : undefined) ??
      this.#everyHost.find(path) ??
      this.#default
    );
  }
}

function backendOf(namespace: string, backend: IngressBackend | undefined): Backend | undefined {
  const { name, port } = backend?.service ?? {};
  const which = port?.name || port?.number;
  if (!name || which === undefined) return undefined;
  return { namespace, service: name, port: which };
}

function byAge(a: Ingress, b: Ingress): number {
  const of = ({ metadata }: Ingress): string =>
    `${metadata?.creationTimestamp} ${metadata?.namespace}/${metadata?.name}`;
  return of(a) < of(b) ? -1 : 1;
}
