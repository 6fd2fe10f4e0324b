import { type ChildProcess, spawn } from 'node:child_process';
import { mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { freePort } from '../../server/adapters/evm/anvil.ts';
import { programs, whyMissing } from '../support/debian.ts';
import { body, certificateOf, form, hashOnly, type Running, run } from '../support/running.ts';

/* The balancers' configurations as they are delivered, in front of the real service; only addresses are ours. */

const FOLDER = join(import.meta.dirname, '..', '..', 'scripts', 'deploy');

interface Balancer {
  readonly program: string;
  readonly package: string;
  /** Writes its configuration, for instances on these ports. */
  configure(folder: string, listen: number, ports: readonly number[]): readonly string[];
  /** an instance that says it cannot take deposits gets no requests */
  readonly checksHealth: boolean;
}

const read = (name: string): string => readFileSync(join(FOLDER, name), 'utf8');

const BALANCERS: readonly Balancer[] = [
  {
    program: '/usr/sbin/haproxy',
    package: 'haproxy',
    checksHealth: true,
    configure(folder, listen, ports) {
      let text = read('haproxy.cfg')
        .replace('bind :3000', `bind 127.0.0.1:${listen}`)
        // Few file descriptors may be allowed here.
        .replace('maxconn 10000', 'maxconn 400');
      for (const i of [1, 2, 3])
        text = text.replace(
          `server kezheng-${i} kezheng-${i}:3000`,
          ports[i - 1] === undefined ? '' : `server kezheng-${i} 127.0.0.1:${ports[i - 1]}`,
        );
      const file = join(folder, 'haproxy.cfg');
      writeFileSync(file, text);
      return ['-db', '-f', file];
    },
  },
  {
    program: '/usr/sbin/nginx',
    package: 'nginx-light',
    checksHealth: false,
    configure(folder, listen, ports) {
      let text = read('nginx.conf').replace('listen 3000;', `listen 127.0.0.1:${listen};`);
      for (const i of [1, 2, 3])
        text = text.replace(
          `server 127.0.0.1:300${i} max_fails=2 fail_timeout=5s;`,
          ports[i - 1] === undefined ? '' : `server 127.0.0.1:${ports[i - 1]} max_fails=2 fail_timeout=5s;`,
        );
      const file = join(folder, 'nginx.conf');
      writeFileSync(file, `pid ${join(folder, 'pid')};\nerror_log ${join(folder, 'log')};\n${text}`);
      return ['-c', file, '-p', folder, '-g', 'daemon off;'];
    },
  },
];

/** Debian starts what it installs where it can; a service on port 80 is nothing that a test wants. */
const whyNot = ({ program, package: name }: Balancer): string | false =>
  whyMissing({
    packages: [name],
    isThere: programs(program),
    prepare: `printf '#!/bin/sh\\nexit 101\\n' > /tmp/kezheng-no-start && chmod +x /tmp/kezheng-no-start
      test -e /usr/sbin/policy-rc.d || cp /tmp/kezheng-no-start /usr/sbin/policy-rc.d`,
  });

async function until(what: string, holds: () => Promise<boolean>): Promise<void> {
  for (const endMs = Date.now() + 20_000; ; await new Promise((resolve) => setTimeout(resolve, 50))) {
    if (await holds().catch(() => false)) return;
    if (Date.now() > endMs) throw new Error(`still not: ${what}`);
  }
}

async function startBalancer(t: Test, balancer: Balancer, services: readonly Running[]): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-balancer-'));
  const listen = await freePort();
  const ports = services.map((service) => Number(new URL(service.url).port));
  const child: ChildProcess = spawn(balancer.program, balancer.configure(folder, listen, ports), {
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const ended = new Promise((resolve) => child.once('exit', resolve));
  t.teardown(async () => {
    child.kill('SIGTERM');
    await ended;
    await rm(folder, { recursive: true, force: true });
  });
  const url = `http://127.0.0.1:${listen}`;
  await until('the balancer passes on', async () => (await fetch(`${url}/health/live`)).status === 200);
  return url;
}

for (const balancer of BALANCERS)
  t.test(
    `behind ${balancer.package} everything works as without it`,
    { skip: whyNot(balancer) },
    async (t) => {
      const service = await run({ KEZHENG_HOST: '127.0.0.1', KEZHENG_TRUSTED_PROXIES: '127.0.0.1' });
      t.teardown(() => service.stop());
      const url = await startBalancer(t, balancer, [service]);
      const authorization = `Bearer ${service.keys[0]}`;
      const call = (path: string, init: RequestInit = {}) =>
        fetch(url + path, { ...init, headers: { ...init.headers, authorization } });
      const { id } = await body(
        call('/v1/evidence', {
          method: 'POST',
          headers: { 'content-type': 'application/json' },
          body: JSON.stringify(hashOnly(1)),
        }),
      );
      t.ok(id);

      const bytes = Buffer.alloc(20_000_000, 'x');
      const uploaded = await body(
        call('/v1/evidence', { method: 'POST', body: form({ title: 'large' }, [{ name: 'f', bytes }]) }),
      );
      const back = await call(`/v1/evidence/${uploaded.id}/files/0`);
      t.ok(Buffer.from(await back.arrayBuffer()).equals(bytes), 'a large upload comes back as it was');

      const events = await (await call(`/v1/evidence/${id}/events`)).text();
      t.match(events, /"state":"anchored"/, 'events come through until the end');
      const certificate = (await certificateOf(service, id)).toString();
      const check = await call('/v1/verify', {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ certificate }),
      });
      t.match(await body(check), { verdict: 'incomplete' });
      t.equal((await fetch(`${url}/metrics`)).status, 404, 'the page of metrics is not passed on');
      t.equal((await service.call('/metrics', { key: null })).status, 200);
    },
  );

for (const balancer of BALANCERS)
  t.test(
    `${balancer.package} leaves out an instance that is gone, and callers are told apart behind it`,
    { skip: whyNot(balancer) },
    async (t) => {
      const env = {
        KEZHENG_HOST: '127.0.0.1',
        KEZHENG_TRUSTED_PROXIES: '127.0.0.1',
        KEZHENG_VERIFY_PER_MINUTE: '1000',
      };
      const [first, second] = [await run(env), await run(env)];
      t.teardown(() => second.stop());
      const url = await startBalancer(t, balancer, [first, second]);
      const ask = async () => (await fetch(`${url}/health/live`)).status;
      for (let i = 0; i < 10; i++) t.equal(await ask(), 200);
      await first.stop();
      // What was on its way when it went may be lost; from then on nothing is.
      await until('only the other one is asked', async () => {
        for (let i = 0; i < 20; i++) if ((await ask()) !== 200) return false;
        return true;
      });
    },
  );

t.test('limits are of callers, and only a trusted balancer says who calls', async (t) => {
  const trusting = await run({
    KEZHENG_HOST: '127.0.0.1',
    KEZHENG_TRUSTED_PROXIES: '127.0.0.0/8',
    KEZHENG_VERIFY_PER_MINUTE: '1',
  });
  t.teardown(() => trusting.stop());
  const plain = await run({ KEZHENG_HOST: '127.0.0.1', KEZHENG_VERIFY_PER_MINUTE: '1' });
  t.teardown(() => plain.stop());
  const check = async (service: Running, from: string) =>
    (
      await service.call('/v1/verify', {
        key: null,
        json: { certificate: 'x' },
        headers: { 'x-forwarded-for': from },
      })
    ).status;
  t.equal(await check(trusting, '203.0.113.1'), 200);
  t.equal(await check(trusting, '203.0.113.1'), 429);
  t.equal(await check(trusting, '203.0.113.2'), 200);
  t.equal(await check(plain, '203.0.113.1'), 200);
  t.equal(await check(plain, '203.0.113.2'), 429, 'what callers say of themselves does not count');
});
