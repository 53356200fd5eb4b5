import type { Service } from 'orlop/plugin';

/**
 * Variables that point at Services: `WEB_SERVICE_HOST`, `WEB_SERVICE_PORT`, `WEB_PORT_80_TCP`, ... Source: kubelet's envvars.FromServices.
 */
export function serviceEnv(services: Iterable<Service>): Map<string, string> {
  const variables = new Map<string, string>();
  for (const { metadata, spec } of services) {
    const ip = spec?.clusterIP;
    const ports = spec?.ports ?? [];
    if (!ip || ip === 'None' || ports.length === 0) continue;
    const prefix = (metadata?.name ?? '').toUpperCase().replaceAll('-', '_');
    variables.set(`${prefix}_SERVICE_HOST`, ip);
    variables.set(`${prefix}_SERVICE_PORT`, String(ports[0]!.port));
    for (const port of ports) {
      if (!port.name) continue;
      const name = port.name.toUpperCase().replaceAll('-', '_');
      variables.set(`${prefix}_SERVICE_PORT_${name}`, String(port.port));
    }
    ports.forEach(({ port, protocol = 'TCP' }, index) => {
      const lower = protocol.toLowerCase();
      const url = `${lower}://${ip}:${port}`;
      if (index === 0) variables.set(`${prefix}_PORT`, url);
      const each = `${prefix}_PORT_${port}_${protocol}`;
      variables.set(each, url);
      variables.set(`${each}_PROTO`, lower);
      variables.set(`${each}_PORT`, String(port));
      variables.set(`${each}_ADDR`, ip);
    });
  }
  return variables;
}
