import {
  type Context,
  type Ingress,
  type IngressClass,
  IngressClasses,
  Ingresses,
  informer,
  type KubeObject,
  keyOf,
  type Resource,
  type Secret,
  Secrets,
} from 'orlop/plugin';

export const CONTROLLER = 'orlop.dev/ingress';
const CLASS_ANNOTATION = 'kubernetes.io/ingress.class';
const DEFAULT_ANNOTATION = 'ingressclass.kubernetes.io/is-default-class';

/** The objects that say what is served, kept up to date. */
export interface Tables {
  /** The Ingresses of our classes. */
  ours(): Ingress[];
  /** TLS Secrets, by `namespace/name`. */
  readonly secrets: ReadonlyMap<string, Secret>;
}

/** Watches until the instance ends. `changed` is called once for changes that come together; the first time before this resolves. */
export async function watchTables(ctx: Context, changed: (tables: Tables) => void): Promise<Tables> {
  const ingresses = new Map<string, Ingress>();
  const classes = new Map<string, IngressClass>();
  const secrets = new Map<string, Secret>();
  const tables: Tables = {
    ours: () => [...ingresses.values()].filter((ingress) => isOurs(ingress, classes)),
    secrets,
  };
  let pending: NodeJS.Immediate | undefined;
  let ready = false;
  const soon = (): void => {
    if (!ready) return;
    pending ??= setImmediate(() => {
      pending = undefined;
      changed(tables);
    });
  };
  ctx.defer(() => clearImmediate(pending));

  function keep<T extends KubeObject>(
    resource: Resource<T>,
    into: Map<string, T>,
    where?: (value: T) => boolean,
  ): Promise<void> {
    const key = ({ metadata }: T): string => keyOf({ namespace: metadata?.namespace, name: metadata!.name! });
    return new Promise((resolve) => {
      const watch = informer(ctx, resource, where ? { where } : {}, {
        changed(object) {
          into.set(key(object), object);
          soon();
        },
        deleted(object) {
          into.delete(key(object));
          soon();
        },
        synced: resolve,
      });
      ctx.defer(() => watch.close());
    });
  }

  await Promise.all([
    keep(Ingresses, ingresses),
    keep(IngressClasses, classes),
    keep(Secrets, secrets, ({ type }) => type === 'kubernetes.io/tls'),
  ]);
  ready = true;
  changed(tables);
  return tables;
}

/** By class name or the older annotation; one without either belongs to the default class. */
export function isOurs({ metadata, spec }: Ingress, classes: ReadonlyMap<string, IngressClass>): boolean {
  const name = spec?.ingressClassName ?? metadata?.annotations?.[CLASS_ANNOTATION];
  const ours = (each: IngressClass | undefined): boolean => each?.spec?.controller === CONTROLLER;
  if (name !== undefined) return ours(classes.get(name));
  return [...classes.values()].some(
    (each) => ours(each) && each.metadata?.annotations?.[DEFAULT_ANNOTATION] === 'true',
  );
}
