import type { Ingress, IngressClass } from 'orlop/plugin';
import t from 'tap';
import { Body } from '../../plugins/ingress/body.ts';
import { Head, parseRequest, parseResponse } from '../../plugins/ingress/head.ts';
import { compactHead, destination, requestHead } from '../../plugins/ingress/rewrite.ts';
import { Routes } from '../../plugins/ingress/routes.ts';
import { isOurs } from '../../plugins/ingress/tables.ts';

const head = new Head();
const request = (text: string) => parseRequest(Buffer.from(text, 'latin1'), 0, head);
const response = (text: string) => parseResponse(Buffer.from(text, 'latin1'), 0, head);

t.test('a request head is read, however it arrives', async (t) => {
  const text =
    'POST /a?b HTTP/1.1\r\nHost: Example:80\r\nContent-Length: 12\r\nConnection: close, X-Y\r\n\r\nbody';
  for (let length = 0; length < text.length - 4; length += 1) {
    if (request(text.slice(0, length)) !== 'incomplete') t.fail(`${length} bytes are not the whole`);
  }
  t.equal(request(text), 'complete');
  t.match(head, {
    method: 'POST',
    contentLength: 12,
    close: true,
    minor: 1,
    listed: ['x-y'],
    end: text.length - 4,
  });
  t.same(destination(Buffer.from(text), head), { host: 'example', path: '/a' });
  t.equal(request('\r\nGET / HTTP/1.0\r\n\r\n'), 'complete', 'an empty line before; HTTP/1.0 without Host');
  t.equal(
    request('GET / HTTP/1.1\r\nhost:x\r\nconnection: Upgrade\r\nupgrade: websocket\r\n\r\n'),
    'complete',
  );
  t.equal(head.upgrade, true);
  request('GET / HTTP/1.1\r\nhost:x\r\nconnection: Upgrade\r\nupgrade: h2c\r\n\r\n');
  t.equal(head.upgrade, false, 'h2c would pass routing by');
});

t.test('what two parsers could read differently is refused', async (t) => {
  const start = 'POST / HTTP/1.1\r\nHost: x\r\n';
  for (const [what, text] of Object.entries({
    'both lengths': `${start}Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'two lengths': `${start}Content-Length: 4\r\nContent-Length: 4\r\n\r\n`,
    'a signed length': `${start}Content-Length: +4\r\n\r\n`,
    'a list of lengths': `${start}Content-Length: 4, 4\r\n\r\n`,
    'another coding': `${start}Transfer-Encoding: gzip, chunked\r\n\r\n`,
    'two codings': `${start}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`,
    'chunks in HTTP/1.0': 'POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n',
    'bare LF': 'GET / HTTP/1.1\nHost: x\n\n',
    'bare LF between fields': 'GET / HTTP/1.1\r\nHost: x\nA: b\r\n\r\n',
    'bare CR': 'GET / HTTP/1.1\r\nHost: x\rA: b\r\n\r\n',
    NUL: 'GET / HTTP/1.1\r\nHost: x\0\r\n\r\n',
    'a folded line': `${start}A: b\r\n c\r\n\r\n`,
    'a space before the colon': 'GET / HTTP/1.1\r\nHost : x\r\n\r\n',
    'no Host': 'GET / HTTP/1.1\r\n\r\n',
    'two Hosts': `${start}Host: y\r\n\r\n`,
    'another version': 'GET / HTTP/2.0\r\nHost: x\r\n\r\n',
    'no target': 'GET  HTTP/1.1\r\nHost: x\r\n\r\n',
    'an empty name': `${start}: b\r\n\r\n`,
  })) {
    t.equal(request(text), 'bad', what);
  }
  t.equal(response('HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n'), 'bad');
  t.equal(response('HTTP/1.1 99 No\r\n\r\n'), 'bad');
  t.equal(response('HTTP/1.1 204 No Content\r\n\r\n'), 'complete');
});

t.test("the hop's lines and a client's own forwarding lines do not pass", async (t) => {
  const bytes = Buffer.from(
    'GET /p HTTP/1.1\r\nHost: x\r\nX-Forwarded-For: 6.6.6.6\r\nConnection: keep-alive, X-Hop, host\r\nX-Hop: 1\r\n' +
      'Keep-Alive: timeout=5\r\nX-Forwarded-Proto: https\r\nX-Real-IP: 6.6.6.6\r\nAccept: */*\r\n\r\n',
  );
  t.equal(parseRequest(bytes, 0, head), 'complete');
  t.equal(
    requestHead(bytes, head, 'x-forwarded-for: 1.2.3.4\r\n'),
    'GET /p HTTP/1.1\r\nHost: x\r\nAccept: */*\r\nx-forwarded-for: 1.2.3.4\r\n\r\n',
  );
  const answer = Buffer.from(
    'HTTP/1.1 200 OK\r\nKeep-Alive: x\r\nA: b\r\nConnection: keep-alive\r\nC: d\r\n\r\nBODY',
  );
  t.equal(parseResponse(answer, 0, head), 'complete');
  t.equal(
    answer.toString('latin1', compactHead(answer, head)),
    'HTTP/1.1 200 OK\r\nA: b\r\nC: d\r\n\r\nBODY',
  );
  const of = (text: string) => {
    t.equal(request(text), 'complete');
    return destination(Buffer.from(text), head);
  };
  t.same(of('GET http://A.b:8/c?d HTTP/1.1\r\nHost: x\r\n\r\n'), { host: 'a.b', path: '/c' });
  t.same(of('GET / HTTP/1.1\r\nHost: [::1]:80\r\n\r\n'), { host: '[::1]', path: '/' });
  t.equal(of('OPTIONS * HTTP/1.1\r\nHost: x\r\n\r\n'), undefined);
  t.equal(of('GET / HTTP/1.1\r\nHost: a,b\r\n\r\n'), undefined);
});

t.test('the end of a body is found, byte by byte', async (t) => {
  request('POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n');
  const end = (text: string) => {
    const body = new Body();
    body.startRequest(head);
    for (let at = 0; at < text.length; at += 1) {
      const byte = Buffer.from([text.charCodeAt(at)]);
      if (body.scan(byte, 0) < 0) return 'bad';
      if (body.done) return text.slice(at + 1);
    }
    return 'open';
  };
  t.equal(end('4\r\nWiki\r\nA;x=y\r\n0123456789\r\n0\r\n\r\nNEXT'), 'NEXT');
  t.equal(end('1\r\na\r\n0\r\nTrailer: x\r\n\r\nNEXT'), 'NEXT');
  t.equal(end('1\r\na\r\n'), 'open');
  for (const bad of ['x\r\n', '\r\n', '1\na', '1\r\nab\r\n', '123456789\r\n', '0\r\n\rX'])
    t.equal(end(bad), 'bad', bad);
  const whole = new Body();
  whole.startRequest(head);
  t.equal(whole.scan(Buffer.from('2\r\nab\r\n0\r\n\r\nGET'), 0), 12);
});

const rule = (host: string, ...paths: [path: string, service: string, type?: string][]) => ({
  ...(host ? { host } : {}),
  http: {
    paths: paths.map(([path, name, pathType = 'Prefix']) => ({
      path,
      pathType,
      backend: { service: { name, port: { number: 80 } } },
    })),
  },
});
const ingress = (name: string, created: string, spec: Ingress['spec']): Ingress => ({
  metadata: { namespace: 'n', name, creationTimestamp: created },
  ...(spec && { spec }),
});

t.test('requests are routed as the Ingress API says', async (t) => {
  const routes = new Routes([
    ingress('young', '2024-02-01', { rules: [rule('a.test', ['/foo', 'usurper'], ['/only', 'young'])] }),
    ingress('old', '2024-01-01', {
      rules: [
        rule(
          'a.test',
          ['/', 'root'],
          ['/foo', 'foo'],
          ['/foo/bar/', 'bar'],
          ['/foo', 'exact', 'Exact'],
          ['/e', 'e', 'Exact'],
        ),
        rule('*.wild.test', ['/', 'wild']),
        rule('x.wild.test', ['/x', 'precise']),
        rule('', ['/any', 'any', 'ImplementationSpecific']),
      ],
    }),
  ]);
  const find = (host: string, path: string) => routes.find(host, path)?.service;
  t.equal(find('a.test', '/'), 'root');
  t.equal(find('a.test', '/foo'), 'exact', 'exact before prefix; the older Ingress counts');
  t.equal(find('a.test', '/foo/'), 'foo');
  t.equal(find('a.test', '/foo/x/y'), 'foo');
  t.equal(find('a.test', '/foobar'), 'root', 'by whole segments');
  t.equal(find('a.test', '/foo/bar'), 'bar', 'a trailing slash of a prefix does not matter');
  t.equal(find('a.test', '/foo/bar/baz'), 'bar', 'the longest');
  t.equal(find('a.test', '/e/'), 'root');
  t.equal(find('a.test', '/only'), 'young', 'Ingresses of one host add up');
  t.equal(find('b.wild.test', '/q'), 'wild');
  t.equal(find('c.b.wild.test', '/q'), undefined, 'a wildcard is one label');
  t.equal(find('wild.test', '/q'), undefined);
  t.equal(find('x.wild.test', '/x/1'), 'precise');
  t.equal(find('x.wild.test', '/y'), 'wild', 'the next less precise host that has the path');
  t.equal(find('other', '/any/thing'), 'any');
  t.equal(find('other', '/none'), undefined);
  const fallback = { defaultBackend: { service: { name: 'default', port: { name: 'http' } } } };
  t.same(new Routes([ingress('d', '', fallback)]).find('x', '/'), {
    namespace: 'n',
    service: 'default',
    port: 'http',
  });
});

t.test('whose Ingress it is', async (t) => {
  const named = (name: string, controller: string, isDefault: boolean): [string, IngressClass] => [
    name,
    {
      metadata: { name, annotations: { 'ingressclass.kubernetes.io/is-default-class': String(isDefault) } },
      spec: { controller },
    },
  ];
  const classes = new Map([
    named('orlop', 'orlop.dev/ingress', true),
    named('nginx', 'k8s.io/ingress-nginx', false),
  ]);
  t.ok(isOurs({ spec: {} }, classes));
  t.ok(isOurs({ spec: { ingressClassName: 'orlop' } }, classes));
  t.notOk(isOurs({ spec: { ingressClassName: 'nginx' } }, classes));
  t.notOk(isOurs({ metadata: { annotations: { 'kubernetes.io/ingress.class': 'nginx' } } }, classes));
  t.notOk(isOurs({ spec: {} }, new Map([named('orlop', 'orlop.dev/ingress', false)])));
});
