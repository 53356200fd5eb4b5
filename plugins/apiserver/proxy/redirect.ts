/**
 * A `Location` that leads to the backend, as one through the proxy; any other is left alone. `prefix`: the proxied path up to the
 * backend's own. `hosts`: under which the backend may know itself. Source: apimachinery `proxy.Transport.rewriteURL`.
 */
export function rewriteLocation(location: string, prefix: string, hosts: readonly string[]): string {
  const [, authority, rest = ''] = /^(?:https?:)?\/\/([^/?#]*)(.*)$/i.exec(location) ?? [
    undefined,
    undefined,
    location,
  ];
  if (authority !== undefined && !hosts.includes(authority.toLowerCase())) return location;
  const isRelative = authority === undefined && !rest.startsWith('/');
  if (isRelative || rest === prefix || rest.startsWith(`${prefix}/`)) return location;
  return rest.startsWith('/') ? `${prefix}${rest}` : `${prefix}/${rest}`;
}
