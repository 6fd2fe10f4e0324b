import { mkdtempSync, readFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { until } from '../support/configured.ts';
import { startProcess } from '../support/process.ts';
import { body, certificateOf, hashOnly, type Running, run } from '../support/running.ts';
import { faked, startTimeServer, whyNoTimeServers, writeLie } from '../support/time-servers.ts';

/*
 * A whole service whose time servers lie, or whose own clock is set: what depositors, operators and monitors see.
 */

const skip = whyNoTimeServers();

let deposits = 0;

/** What a deposit that is made now says of the clock; fails unless it is taken. */
async function clockOf(t: Test, service: Running): Promise<string> {
  const answer = await service.call('/v1/evidence', { json: hashOnly(++deposits) });
  t.equal(answer.status, 201);
  return (await body(answer)).manifest.clock;
}

/** /health/ready of a service that takes deposits. */
async function ready(t: Test, url: string) {
  const answer = await fetch(`${url}/health/ready`);
  t.equal(answer.status, 200, 'a clock in doubt does not take it out of service');
  return body(answer);
}

async function series(service: Running): Promise<Record<string, number>> {
  const page = await (await service.call('/metrics', { key: null })).text();
  return Object.fromEntries(
    page
      .split('\n')
      .filter((line) => /^kezheng_(?:clock|time|part_problem\{part="clock)/.test(line))
      .map((line) => [line.slice(0, line.lastIndexOf(' ')), Number(line.slice(line.lastIndexOf(' ') + 1))]),
  );
}

t.test(
  'where most time servers say something else, deposits go on and say so, until they agree',
  { skip },
  async (t) => {
    const servers = await Promise.all([5_000, 5_000, 0].map((ms) => startTimeServer(t, ms)));
    const service = await run({ KEZHENG_NTP_SERVERS: servers.map(({ place }) => place).join(', ') });
    t.teardown(() => service.stop());
    const { id, manifest } = await body(service.call('/v1/evidence', { json: hashOnly(1) }));
    t.equal(manifest.clock, 'doubtful');
    const { status, parts } = await ready(t, service.url);
    t.equal(status, 'degraded');
    t.match(parts.clock, {
      status: 'problem',
      code: 'clock-drift',
      zh: /^本机时钟与多数时间服务器相差 -\d+ 毫秒/,
      en: /^the clock of this machine is -\d+ ms from/,
      detail: { limitMs: 1_000 },
    });
    const before = await series(service);
    t.match(before, {
      'kezheng_clock_state{state="doubtful"}': 1,
      'kezheng_clock_state{state="agreed"}': 0,
      'kezheng_part_problem{part="clock"}': 1,
    });
    t.ok(Math.abs(before['kezheng_clock_offset_seconds']! + 5) < 0.3);
    t.ok(before['kezheng_time_server_answers_total{server="1",outcome="agreed"}']! >= 1);
    t.ok(before['kezheng_time_server_answers_total{server="3",outcome="outvoted"}']! >= 1);
    t.notMatch(Object.keys(before).join(), '127.0.0.1', 'no address is a label');
    const answer = await service.call('/v1/evidence/bulk', {
      method: 'POST',
      headers: { 'content-type': 'application/x-ndjson' },
      body: JSON.stringify(hashOnly(2)),
    });
    const line = JSON.parse(await answer.text());
    t.equal((await body(service.call(`/v1/evidence/${line.id}`))).manifest.clock, 'doubtful');

    for (const server of servers) server.lie(0);
    await until('agreed', async () => (await clockOf(t, service)) === 'agreed' || undefined, 60_000);
    t.match((await ready(t, service.url)).parts, { clock: { status: 'ready' } });
    t.match(await series(service), { 'kezheng_clock_state{state="agreed"}': 1 });
    const certificate = await certificateOf(service, id);
    t.equal(JSON.parse(certificate.toString()).entry.clock, 'doubtful', 'what was said stays said');
  },
);

t.test('with honest servers the first deposit says already that they agree', { skip }, async (t) => {
  const servers = await Promise.all([0, 0, 3_600_000].map((ms) => startTimeServer(t, ms)));
  const service = await run({ KEZHENG_NTP_SERVERS: servers.map(({ place }) => place).join(',') });
  t.teardown(() => service.stop());
  t.equal(await clockOf(t, service), 'agreed');
  t.match((await ready(t, service.url)).parts, { clock: { status: 'ready' } });
});

t.test('servers that are away do not keep the service from starting', async (t) => {
  const service = await run({ KEZHENG_NTP_SERVERS: 'no-such-host.invalid, [::1]:9, 127.0.0.1:9' });
  t.teardown(() => service.stop());
  t.equal(await clockOf(t, service), 'doubtful');
  t.match((await ready(t, service.url)).parts.clock, {
    code: 'clock-no-majority',
    zh: '时间服务器未形成多数：共 3 个，须 2 个一致，0 个有应答，至多 0 个一致；已停止签发时间戳，存证照常接收，并在清单中注明；形成多数后自行恢复',
  });
});

t.test('without time servers the clock is unchecked, which is no problem', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  t.equal(await clockOf(t, service), 'unchecked');
  t.match((await ready(t, service.url)).parts, { clock: { status: 'ready' } });
  const page = await series(service);
  t.match(page, { 'kezheng_clock_state{state="unchecked"}': 1 });
  t.notOk('kezheng_clock_offset_seconds' in page);
});

t.test(
  'a clock that is set while the service runs is in doubt at once, and until it has stood',
  { skip },
  async (t) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'kezheng-clock-'));
    const file = join(dataDir, 'lie');
    writeLie(file, 0);
    const service = await startProcess({ ...faked(file), KEZHENG_DATA_DIR: dataDir });
    t.teardown(async () => {
      service.kill('SIGTERM');
      await service.ended;
      await rm(dataDir, { recursive: true, force: true });
    });
    const [{ apiKey }] = JSON.parse(readFileSync(join(dataDir, 'demo.json'), 'utf8')).organizations;
    const deposited = async () => {
      const answer = await fetch(`${service.url}/v1/evidence`, {
        method: 'POST',
        headers: { authorization: `Bearer ${apiKey}`, 'content-type': 'application/json' },
        body: JSON.stringify(hashOnly(++deposits)),
      });
      t.equal(answer.status, 201);
      return (await body(answer)).manifest;
    };
    t.equal((await deposited()).clock, 'unchecked');
    writeLie(file, 3_600_000);
    const doubtful = await deposited();
    t.equal(doubtful.clock, 'doubtful');
    t.ok(Date.parse(doubtful.receivedAt) > Date.now() + 3_500_000, 'the service does see the other clock');
    const { code, detail } = (await ready(t, service.url)).parts.clock;
    t.equal(code, 'clock-jumped');
    t.ok(Math.abs(detail.jumpMs - 3_600_000) < 1_000);
    await until(
      'unchecked again',
      async () => (await deposited()).clock === 'unchecked' || undefined,
      30_000,
    );
  },
);
