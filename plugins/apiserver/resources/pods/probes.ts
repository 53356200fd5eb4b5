import type { Container, Probe } from 'orlop/plugin';
import { nonNegative, oneOf, portNumber, portNumberOrName } from '../checks.ts';
import { forbidden, invalid, required } from '../errors.ts';
import type { FieldError } from '../types.ts';

type Handler = Pick<Probe, 'exec' | 'httpGet' | 'tcpSocket' | 'grpc'> & { sleep?: { seconds: number } };

/** Source: kubernetes `pkg/apis/core/validation/validation.go`, validateHandler. */
export function validateHandler(handler: Handler, field: string): FieldError[] {
  const { exec, httpGet, tcpSocket, grpc, sleep } = handler;
  const errors: FieldError[] = [];
  const given = Object.entries({ exec, httpGet, tcpSocket, grpc, sleep }).filter(([, value]) => value);
  for (const [name] of given.slice(1)) {
    errors.push(forbidden(`${field}.${name}`, 'may not specify more than 1 handler type'));
  }
  if (exec && (exec.command ?? []).length === 0) errors.push(required(`${field}.exec.command`));
  if (httpGet) {
    if (!httpGet.path) errors.push(required(`${field}.httpGet.path`));
    errors.push(...portNumberOrName(httpGet.port, `${field}.httpGet.port`));
    errors.push(...oneOf(httpGet.scheme, `${field}.httpGet.scheme`, ['HTTP', 'HTTPS']));
  }
  if (tcpSocket) errors.push(...portNumberOrName(tcpSocket.port, `${field}.tcpSocket.port`));
  if (grpc) errors.push(...portNumber(grpc.port, `${field}.grpc.port`));
  if (given.length === 0) errors.push(required(field, 'must specify a handler type'));
  return errors;
}

const NUMBERS = [
  'initialDelaySeconds',
  'timeoutSeconds',
  'periodSeconds',
  'successThreshold',
  'failureThreshold',
  'terminationGracePeriodSeconds',
] as const;

function validateProbe(probe: Probe, field: string, once: boolean): FieldError[] {
  const errors = [
    ...validateHandler(probe, field),
    ...NUMBERS.flatMap((name) => nonNegative(probe[name], `${field}.${name}`)),
  ];
  if (once && probe.successThreshold !== 1) {
    errors.push(invalid(`${field}.successThreshold`, probe.successThreshold ?? 0, 'must be 1'));
  }
  return errors;
}

/** Init containers run once, unless they are sidecars: nothing probes them. */
export function validateProbes(container: Container, field: string, init: boolean): FieldError[] {
  const { livenessProbe, readinessProbe, startupProbe, lifecycle } = container;
  const sidecar = (container as { restartPolicy?: string }).restartPolicy === 'Always';
  if (init && !sidecar) {
    const given = { livenessProbe, readinessProbe, startupProbe, lifecycle };
    return Object.entries(given)
      .filter(([, value]) => value)
      .map(([name]) =>
        forbidden(`${field}.${name}`, 'may not be set for init containers without restartPolicy=Always'),
      );
  }
  return [
    ...(livenessProbe ? validateProbe(livenessProbe, `${field}.livenessProbe`, true) : []),
    ...(readinessProbe ? validateProbe(readinessProbe, `${field}.readinessProbe`, false) : []),
    ...(startupProbe ? validateProbe(startupProbe, `${field}.startupProbe`, true) : []),
  ];
}
