/**
 * The routing cores, which do no I/O: choosing an endpoint beside a scan of all of them, finding a route among 10,000 rules, and reading
 * a request's head.
 */
import { Head, parseRequest } from '../plugins/ingress/head.ts';
import { Routes } from '../plugins/ingress/routes.ts';
import { LeastBusy, type Member } from '../plugins/loadbalancer/leastbusy.ts';
import { Report } from './report.ts';

const ROUNDS = 5;
const report = new Report('routing');

/** Nanoseconds of one call: the median of several rounds. */
function measure(name: string, calls: number, call: (index: number) => void): void {
  const times: number[] = [];
  for (let round = 0; round <= ROUNDS; round += 1) {
    const start = process.hrtime.bigint();
    for (let index = 0; index < calls; index += 1) call(index);
    // The first round warms up.
    if (round > 0) times.push(Number(process.hrtime.bigint() - start) / calls);
  }
  times.sort((a, b) => a - b);
  report.result(name, times[ROUNDS >> 1]!, 'ns');
}

for (const count of [3, 100, 5_000]) {
  const endpoints = Array.from({ length: count }, (_, port) => ({ host: '10.244.0.1', port }));
  const set = new LeastBusy();
  set.update(endpoints);
  const held: Member[] = Array.from({ length: count * 4 }, () => set.take()!);
  measure(`choose and release, ${count} endpoints`, 500_000, (index) => {
    const slot = (index * 7_919) % held.length;
    set.release(held[slot]!);
    held[slot] = set.take()!;
  });
  const loads = new Uint32Array(count);
  measure(`the same by a scan, ${count} endpoints`, Math.ceil(5_000_000 / count), () => {
    let least = 0;
    for (let index = 1; index < count; index += 1) if (loads[index]! < loads[least]!) least = index;
    loads[least]! += 1;
  });
}

const backend = { service: { name: 'web', port: { number: 80 } } };
const HOSTS = 2_000;
const PATHS = ['/', '/api', '/api/v1', '/api/v1/users', '/static/assets'];
const routes = new Routes([
  {
    metadata: { namespace: 'n', name: 'i' },
    spec: {
      rules: Array.from({ length: HOSTS }, (_, index) => ({
        host: `svc${index}.example.com`,
        http: { paths: PATHS.map((path) => ({ path, pathType: 'Prefix', backend })) },
      })),
    },
  },
]);
const hosts = Array.from({ length: HOSTS }, (_, index) => `svc${(index * 7_919) % HOSTS}.example.com`);
measure(`find a route, ${HOSTS * PATHS.length} rules`, 500_000, (index) => {
  if (!routes.find(hosts[index % HOSTS]!, '/api/v1/users/42/detail')) throw new Error('no route');
});

const browser = Buffer.from(
  'GET /index.html HTTP/1.1\r\nHost: web.test\r\nConnection: keep-alive\r\nUser-Agent: Mozilla/5.0 (X11; Linux x86_64)\r\n' +
    'Accept: text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8\r\nAccept-Encoding: gzip, deflate, br\r\n' +
    'Accept-Language: en-US,en;q=0.5\r\nCookie: session=0123456789abcdef0123456789abcdef\r\nCache-Control: max-age=0\r\n\r\n',
);
const head = new Head();
measure("read the head of a browser's request", 300_000, () => {
  if (parseRequest(browser, 0, head) !== 'complete') throw new Error('not read');
});

report.end();
