import type { Pod, Runtime, RuntimeClass } from 'orlop/plugin';

export type RuntimeChoice = { ok: true; runtime: Runtime } | { ok: false; message: string };

/**
 * The runtime of a pod: its RuntimeClass's handler; without one the runtime that claims its images; else the default. `runtimeClass` is
 * the object that `spec.runtimeClassName` names.
 */
export function chooseRuntime(
  pod: Pod,
  runtimeClass: RuntimeClass | undefined,
  runtimes: ReadonlyMap<string, Runtime>,
  defaultRuntime: string,
): RuntimeChoice {
  const name = pod.spec?.runtimeClassName;
  const here = `runtimes on this node: ${[...runtimes.keys()].sort().join(', ') || 'none'}`;
  if (name) {
    if (!runtimeClass) return { ok: false, message: `RuntimeClass "${name}" not found; ${here}` };
    const runtime = runtimes.get(runtimeClass.handler);
    if (runtime) return { ok: true, runtime };
    const message = `RuntimeHandler "${runtimeClass.handler}" of RuntimeClass "${name}" is not here; ${here}`;
    return { ok: false, message };
  }
  const images = pod.spec?.containers.map((container) => container.image ?? '') ?? [];
  for (const runtime of runtimes.values()) {
    if (runtime.claims && images.every((image) => runtime.claims!(image))) return { ok: true, runtime };
  }
  const runtime = runtimes.get(defaultRuntime);
  if (runtime) return { ok: true, runtime };
  const message =
    `the default runtime "${defaultRuntime}" is not here; name another by spec.runtimeClassName, ` +
    `or see why it did not start (kubectl get plugins); ${here}`;
  return { ok: false, message };
}
