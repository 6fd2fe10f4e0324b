import { createServer, type IncomingMessage } from 'node:http';
import type { AddressInfo } from 'node:net';
import { networkInterfaces } from 'node:os';
import t, { type Test } from 'tap';
import { createMetrics } from '../../server/adapters/telemetry/metrics.ts';
import { OPERATOR, startWithContract } from '../support/anvil.ts';
import { configured, until, untilCertified } from '../support/configured.ts';
import { fault, rpcProxy } from '../support/rpc-proxy.ts';
import { body, certificateOf, form, hashOnly, type Running, run } from '../support/running.ts';

const pageOf = async (service: Running): Promise<string> =>
  (await service.call('/metrics', { key: null })).text();

/** The value of one series, by its whole name. */
const seriesIn = (page: string, series: string): number | undefined => {
  const line = page.split('\n').find((one) => one.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
};

t.test('what the service does is counted under the names that the page explains', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const file = { name: 'a.txt', bytes: Buffer.alloc(1234) };
  const { id } = await body(
    service.call('/v1/evidence', { method: 'POST', body: form({ title: 'x' }, [file]) }),
  );
  const once = { json: hashOnly(1), headers: { 'idempotency-key': 'k' } };
  await service.call('/v1/evidence', once);
  await service.call('/v1/evidence', once);
  await service.call('/v1/evidence', { json: { title: 'no files' } });
  await service.call('/v1/evidence', { json: hashOnly(2), key: null });
  const bulk = {
    method: 'POST',
    headers: { 'content-type': 'application/x-ndjson', 'idempotency-key': 'b' },
  };
  const lines = [3, 4, 5].map((n) => JSON.stringify(hashOnly(n))).join('\n');
  for (let i = 0; i < 2; i++) await service.call('/v1/evidence/bulk', { ...bulk, body: lines });
  await service.call('/v1/evidence/bulk', { ...bulk, body: JSON.stringify(hashOnly(6)) });
  const certificate = await certificateOf(service, id);
  await certificateOf(service, id);
  await service.call('/v1/verify', { key: null, json: { certificate: certificate.toString() } });
  await service.call('/v1/verify', { key: null, json: { certificate: {} } });
  await service.call('/nowhere/at/all', { key: null });
  const page = await pageOf(service);
  const expected: Readonly<Record<string, number>> = {
    'kezheng_deposits_total{kind="files",outcome="stored"}': 1,
    'kezheng_deposits_total{kind="digests",outcome="stored"}': 1,
    'kezheng_deposits_total{kind="digests",outcome="replayed"}': 1,
    'kezheng_deposits_total{kind="digests",outcome="refused"}': 2,
    'kezheng_deposits_total{kind="bulk",outcome="stored"}': 3,
    'kezheng_deposits_total{kind="bulk",outcome="replayed"}': 3,
    'kezheng_deposits_total{kind="bulk",outcome="refused"}': 1,
    kezheng_upload_bytes_total: 1234,
    kezheng_upload_files_total: 1,
    kezheng_certificates_issued_total: 1,
    'kezheng_verifications_total{verdict="incomplete"}': 1,
    'kezheng_verifications_total{verdict="invalid"}': 1,
    'kezheng_refusals_total{code="request-invalid"}': 1,
    'kezheng_refusals_total{code="not-authenticated"}': 1,
    'kezheng_refusals_total{code="idempotency-key-reused"}': 1,
    'kezheng_refusals_total{code="not-found"}': 1,
    'kezheng_http_request_duration_seconds_count{method="any",route="none",status="4xx"}': 1,
    'kezheng_http_request_duration_seconds_count{method="POST",route="/v1/evidence",status="2xx"}': 3,
    'kezheng_http_request_duration_seconds_count{method="POST",route="/v1/evidence",status="4xx"}': 2,
    'kezheng_http_request_duration_seconds_bucket{le="+Inf",method="POST",route="/v1/evidence",status="2xx"}': 3,
    'kezheng_store_duration_seconds_count{verb="deposit"}': 3,
    'kezheng_anchor_steps_total{step="reorganised"}': 0,
    kezheng_deposits_waiting: 0,
    kezheng_entries_unsealed: 0,
    kezheng_leading: 1,
    'kezheng_part_problem{part="anchoring"}': 0,
  };
  for (const [series, value] of Object.entries(expected)) t.equal(seriesIn(page, series), value, series);
  const atLeast: Readonly<Record<string, number>> = {
    'kezheng_anchor_steps_total{step="final"}': 1,
    'kezheng_batches{state="final"}': 1,
    kezheng_batches_sealed_total: 1,
    kezheng_entries_sealed_total: 5,
    'kezheng_blobs_duration_seconds_count{verb="keepUpload"}': 1,
    'kezheng_chain_duration_seconds_count{verb="prove"}': 1,
    kezheng_http_connections: 1,
    process_resident_memory_bytes: 1e7,
    nodejs_eventloop_lag_max_seconds: 0,
    process_cpu_seconds_total: 0.1,
  };
  for (const [series, least] of Object.entries(atLeast))
    t.ok((seriesIn(page, series) ?? -1) >= least, `${series} is ${seriesIn(page, series)}`);
  t.match(page, /^kezheng_build_info\{version="\d+\.\d+\.\d+",node="24\.[\d.]+"\} 1$/m);
  const wellFormed = /^(?:#.*|[a-z_0-9]+(?:\{[a-z]+="[^"]*"(?:,[a-z]+="[^"]*")*\})? [0-9.e+-]+|)$/;
  t.strictSame(
    page.split('\n').filter((line) => !wellFormed.test(line)),
    [],
    'every line is as Prometheus reads it',
  );
  t.notMatch(page, new RegExp([id, ...service.keys].join('|')), 'neither ids nor keys');
});

t.test('whatever is asked, the number of series does not grow with it', async (t) => {
  const service = await run();
  t.teardown(() => service.stop());
  const ask = async (n: number) => {
    await service.call(`/v1/evidence/01a204cb-591c-7000-a27b-${String(n).padStart(12, '0')}`);
    await service.call(`/secret-${n}`, { key: null });
    await service.call(`/v1/batches/${n + 1}`, { key: null });
    await service.call('/v1/evidence', { json: hashOnly(n), key: `wrong-${n}` });
  };
  // Rounds of the pipeline bring verbs of their own: only what requests are called is compared.
  const series = async () =>
    (await pageOf(service)).split('\n').filter((line) => /^kezheng_(?:http_|refusals|deposits_)/.test(line))
      .length;
  await ask(1);
  await series();
  const before = await series();
  for (let n = 2; n < 30; n++) await ask(n);
  t.equal(await series(), before);
  t.notMatch(await pageOf(service), /secret|wrong-|01a204cb/);
});

t.test('what the operator has and what its anchors cost is as the chain says', async (t) => {
  const anvil = await startWithContract(t);
  const env = { KEZHENG_CONFIRMATIONS: '1', KEZHENG_BATCH_MAX_AGE_MS: '200' };
  const ether = async () =>
    Number(BigInt(String(await anvil.call('eth_getBalance', OPERATOR, 'latest')))) / 1e18;
  const before = await ether();
  const service = await configured(t, { rpcUrl: anvil.url, env });
  await untilCertified(service, await service.deposit(1));
  const paid = before - (await ether());
  t.ok(paid > 0);
  const page = await until('the fee is counted', async () => {
    const text = await (await fetch(`${service.url}/metrics`)).text();
    return (seriesIn(text, 'kezheng_fees_paid_ether_total') ?? 0) > 0 ? text : undefined;
  });
  const told = seriesIn(page, 'kezheng_fees_paid_ether_total')!;
  t.ok(Math.abs(told - paid) < paid / 1_000, `${told} told, ${paid} paid`);
  t.ok(Math.abs(seriesIn(page, 'kezheng_operator_balance_ether')! - (await ether())) < 1e-6);
});

t.test('where what waits for the chain stands is told, and for how long', async (t) => {
  const service = await run({ KEZHENG_BATCH_MAX_AGE_MS: '3600000' });
  t.teardown(() => service.stop());
  await service.call('/v1/evidence', { json: hashOnly(1) });
  await service.call('/v1/evidence', { json: hashOnly(2) });
  await new Promise((resolve) => setTimeout(resolve, 200));
  const page = await pageOf(service);
  t.equal(seriesIn(page, 'kezheng_entries_unsealed'), 2);
  t.ok(seriesIn(page, 'kezheng_entries_unsealed_oldest_seconds')! >= 0.2);
  t.equal(seriesIn(page, 'kezheng_batches{state="sealed"}'), 0);
  t.equal(seriesIn(page, 'kezheng_batch_unanchored_oldest_seconds'), 0);
  t.equal(seriesIn(page, 'kezheng_operator_balance_ether'), undefined, 'what is not known is not told');
});

t.test(
  'without a token the page is for this machine alone, and not for whom a balancer passes on',
  async (t) => {
    const service = await run({ KEZHENG_HOST: '0.0.0.0' });
    t.teardown(() => service.stop());
    const { port } = new URL(service.url);
    const own = `http://127.0.0.1:${port}/metrics`;
    t.equal((await fetch(own)).status, 200);
    for (const name of ['x-forwarded-for', 'x-real-ip', 'forwarded', 'via']) {
      const passedOn = await fetch(own, { headers: { [name]: '127.0.0.1' } });
      t.equal(passedOn.status, 404, name);
      t.match(await passedOn.json(), { code: 'not-found' });
    }
    const outside = Object.values(networkInterfaces())
      .flat()
      .find((one) => one?.family === 'IPv4' && !one.internal)?.address;
    if (outside === undefined) t.comment('this machine has one interface only');
    else t.equal((await fetch(`http://${outside}:${port}/metrics`)).status, 404);
  },
);

t.test('what a node or a database says in its own words is told on this machine only', async (t) => {
  const anvil = await startWithContract(t);
  const proxy = await rpcProxy(t, anvil.url);
  const service = await configured(t, { rpcUrl: proxy.url });
  const secret = 'project 5f3a-SECRET rejected at http://10.1.2.3/SECRET';
  proxy.on('eth_getBlockByNumber', fault(secret));
  const ready = (headers: Record<string, string>) => fetch(`${service.url}/health/ready`, { headers });
  await until('the words', async () => (await (await ready({})).text()).includes(secret));
  const passedOn = await ready({ 'x-forwarded-for': '203.0.113.9' });
  t.match(await passedOn.clone().json(), { parts: { anchoring: { code: 'chain-unreachable', zh: /.+/ } } });
  t.notMatch(await passedOn.text(), /SECRET|10\.1\.2\.3|127\.0\.0\.1/);
});

t.test('with a token it is for whoever has it, and for nobody else', async (t) => {
  const token = 'a-token-for-watching-0123';
  const service = await run({ KEZHENG_METRICS_TOKEN: token });
  t.teardown(() => service.stop());
  const ask = async (headers: Record<string, string>) =>
    (await service.call('/metrics', { key: null, headers })).status;
  t.equal(await ask({ authorization: `Bearer ${token}`, 'x-forwarded-for': '1.2.3.4' }), 200);
  for (const wrong of [
    {},
    { authorization: 'Bearer x' },
    { authorization: `Bearer ${token}x` },
    { authorization: token },
  ])
    t.equal(await ask(wrong as Record<string, string>), 404);
});

t.test('the page comes without the parts that do not answer', async (t) => {
  const { metrics, addReader, close } = createMetrics({ version: '1.2.3' });
  t.teardown(close);
  addReader(async () => new Promise(() => {}));
  addReader(async () => {
    throw new Error('away');
  });
  addReader((gauges) => gauges.set('kezheng_deposits_waiting', 7));
  const { text } = await metrics.page();
  t.equal(seriesIn(text, 'kezheng_deposits_waiting'), 7);
  t.match(text, /^kezheng_build_info\{version="1\.2\.3"/m);
});

t.test('counting a request costs less than a hundredth of serving a deposit', async (t) => {
  const { metrics, close } = createMetrics({ version: '1' });
  t.teardown(close);
  const times = metrics.routeTimes('POST', '/v1/evidence');
  const COUNT = 1_000_000;
  let best = Infinity;
  for (let attempt = 0; attempt < 5; attempt++) {
    const start = performance.now();
    for (let i = 0; i < COUNT; i++) {
      times(2).observe(i % 40);
      metrics.deposits('digests', 'stored');
    }
    best = Math.min(best, ((performance.now() - start) * 1_000) / COUNT);
  }
  // A deposit takes the main thread 50 µs and more.
  t.ok(best < 0.5, `${best.toFixed(3)} µs`);
});

// ---------------------------------------------------------------- traces

interface OtlpSpan {
  readonly traceId: string;
  readonly spanId: string;
  readonly parentSpanId?: string;
  readonly name: string;
  readonly attributes: readonly { key: string; value: Record<string, unknown> }[];
  readonly status?: { code?: number };
}

/** A collector: takes what is sent to it, or does as it is told. */
async function collector(t: Test, answer: (request: IncomingMessage) => number | undefined = () => 200) {
  const spans: OtlpSpan[] = [];
  let resource = '';
  let requests = 0;
  const server = createServer((request, response) => {
    requests++;
    const chunks: Buffer[] = [];
    request.on('data', (chunk) => chunks.push(chunk));
    request.on('end', () => {
      const status = answer(request);
      // undefined: it never answers
      if (status === undefined) return;
      if (status === 200 && request.url === '/v1/traces') {
        const sent = JSON.parse(Buffer.concat(chunks).toString());
        for (const one of sent.resourceSpans) {
          resource = JSON.stringify(one.resource);
          for (const scope of one.scopeSpans) spans.push(...scope.spans);
        }
      }
      response.writeHead(status, { 'content-type': 'application/json' }).end('{}');
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const { port } = server.address() as AddressInfo;
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { url: `http://127.0.0.1:${port}`, spans, resource: () => resource, requests: () => requests };
}

/** A deposit whose body comes later than its head. */
async function inPieces(service: Running, traceId: string): Promise<void> {
  const text = JSON.stringify(hashOnly(7));
  async function* pieces() {
    for (const at of [0, 10, 20]) {
      await new Promise((resolve) => setTimeout(resolve, 100));
      yield Buffer.from(text.slice(at, at === 20 ? undefined : at + 10));
    }
  }
  const answer = await service.call('/v1/evidence', {
    method: 'POST',
    headers: { 'content-type': 'application/json', traceparent: `00-${traceId}-b7ad6b7169203331-01` },
    body: ReadableStream.from(pieces()),
    duplex: 'half',
  } as RequestInit);
  if (answer.status !== 201) throw new Error(await answer.text());
}

t.test("a request's way is told to the collector, as part of its caller's trace", async (t) => {
  const { url, spans, resource } = await collector(t);
  const service = await run({ KEZHENG_OTLP_ENDPOINT: url });
  const traceId = '0af7651916cd43dd8448eb211c80319c';
  const headers = { traceparent: `00-${traceId}-b7ad6b7169203331-01` };
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(1), headers }));
  const data = form({ title: 'x' }, [{ name: 'f', bytes: Buffer.alloc(300_000) }]);
  await service.call('/v1/evidence', { method: 'POST', body: data });
  await inPieces(service, 'cd'.repeat(16));
  await service.call('/v1/evidence/not-an-id', { headers: { traceparent: 'nonsense' } });
  await certificateOf(service, id);
  await service.stop();
  const named = (name: string) => spans.filter((span) => span.name === name);
  const [request] = spans.filter((span) => span.traceId === traceId && span.name === 'POST /v1/evidence');
  t.equal(request?.parentSpanId, 'b7ad6b7169203331');
  const deposit = spans.find((span) => span.traceId === traceId && span.name === 'store.deposit');
  t.equal(deposit?.parentSpanId, request?.spanId, 'the store belongs to the request');
  const slow = named('store.deposit').find((span) => span.traceId === 'cd'.repeat(16));
  t.ok(slow?.parentSpanId, 'also where the body came in pieces');
  const upload = named('POST /v1/evidence').find(
    (span) => span.traceId !== traceId && span.traceId !== 'cd'.repeat(16),
  );
  for (const name of ['blobs.receive', 'blobs.keepUpload', 'store.deposit'])
    t.ok(
      named(name).some((span) => span.parentSpanId === upload?.spanId),
      `${name} belongs to the upload`,
    );
  for (const name of ['sealing', 'anchoring'])
    t.notOk(named(name)[0]?.parentSpanId, `${name} is a trace of its own`);
  const [seal] = named('store.seal');
  t.ok(named('sealing').some((span) => span.spanId === seal?.parentSpanId));
  t.ok(named('chain.prove').length > 0 && named('chain.broadcast').length > 0);
  const bad = named('GET /v1/evidence/:id');
  t.ok(bad.length > 0 && bad.every((span) => span.traceId !== '0'.repeat(32)));
  t.match(resource(), /"service\.name".*"kezheng"/);
  t.notMatch(JSON.stringify(spans), new RegExp([id, ...service.keys].join('|')), 'neither ids nor keys');
});

t.test('who asks not to be traced is not', async (t) => {
  const { url, spans } = await collector(t);
  const service = await run({ KEZHENG_OTLP_ENDPOINT: url, KEZHENG_TRACE_PERCENT: '0' });
  const headers = (flags: string) => ({ traceparent: `00-${'ab'.repeat(16)}-b7ad6b7169203331-${flags}` });
  await service.call('/v1/evidence', { json: hashOnly(1), headers: headers('00') });
  await service.call('/v1/evidence', { json: hashOnly(2) });
  await service.call('/v1/batches/1', { key: null, headers: headers('01') });
  await service.stop();
  t.notOk(spans.some(({ name }) => name.startsWith('POST')));
  t.equal(
    spans.filter(({ name }) => name === 'GET /v1/batches/:number').length,
    1,
    'the caller decides for its own',
  );
});

const harmful: Readonly<Record<string, (t: Test) => Promise<string>>> = {
  'is away': async () => 'http://127.0.0.1:9',
  'never answers': async (t) => (await collector(t, () => undefined)).url,
  'refuses everything': async (t) => (await collector(t, () => 500)).url,
  'asks to come again': async (t) => (await collector(t, () => 503)).url,
};
for (const [how, collectorUrl] of Object.entries(harmful))
  t.test(`a collector that ${how} does the service no harm, and it stops in time`, async (t) => {
    const service = await run({ KEZHENG_OTLP_ENDPOINT: await collectorUrl(t) });
    for (let round = 0; round < 10; round++) {
      const answers = await Promise.all(
        Array.from({ length: 30 }, (_, i) =>
          service.call('/v1/evidence', { json: hashOnly(round * 30 + i) }),
        ),
      );
      t.ok(answers.every((answer) => answer.status === 201));
    }
    const start = Date.now();
    await service.stop();
    t.ok(Date.now() - start < 10_000);
  });

t.test('without a collector nothing of tracing is loaded', async (t) => {
  const { execFileSync } = await import('node:child_process');
  const loaded = execFileSync(
    process.execPath,
    [
      '--input-type=module',
      '-e',
      `import { openTelemetry } from ${JSON.stringify(new URL('../../server/adapters/telemetry/telemetry.ts', import.meta.url).href)};
       import { registerHooks } from 'node:module';
       const seen = [];
       registerHooks({ resolve: (name, context, next) => { seen.push(name); return next(name, context); } });
       const clock = { nowMs: () => 0 };
       const open = (otlpEndpoint) => openTelemetry({ version: '1', otlpEndpoint, tracePercent: 100, rpcUrl: undefined, clock });
       const without = await open(undefined);
       const before = seen.filter((name) => name.includes('opentelemetry')).length;
       const having = await open('http://127.0.0.1:9');
       const after = seen.filter((name) => name.includes('opentelemetry')).length;
       await Promise.all([without.close(), having.close()]);
       console.log(JSON.stringify({ before, some: after > 0 }));`,
    ],
    { encoding: 'utf8' },
  );
  t.strictSame(JSON.parse(loaded), { before: 0, some: true });
});
