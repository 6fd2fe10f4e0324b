import { spawn } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs';
import { rm } from 'node:fs/promises';
import { createServer, type RequestListener } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import process from 'node:process';
import t, { type Test } from 'tap';
import { contractCode } from '../../server/adapters/inspection.ts';
import { listening } from '../../server/audit/finding.ts';
import { leafOf } from '../../server/audit/merkle.ts';
import { audit as outside } from '../../server/audit/outside.ts';
import { treeOf } from '../../server/audit/trees.ts';
import { serviceAt } from '../../server/cli/audit.ts';
import { nodesOf } from '../../server/cli/node.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { append, openChain } from '../support/anvil.ts';
import { rpc, rpcProxy } from '../support/rpc-proxy.ts';
import { inDatabase, install } from './installation.ts';

/*
 * A running service, audited by a process that knows its address, its trust list and a node. Then the service's data are
 * changed behind its back, or a proxy in front of it changes what it says.
 */

t.setTimeout(300_000);
const made = await install(t);
const trust = join(made.dataDir, 'trust.json');
const rpcUrl = made.anvil.url;

const CLI = join(import.meta.dirname, '..', '..', 'server', 'cli', 'main.ts');

interface Outcome {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
  /** `code table/key` */
  readonly told: readonly string[];
  readonly lines: readonly { type: string; code?: string; part?: string }[];
}

async function run(args: readonly string[], env: Readonly<Record<string, string>> = {}): Promise<Outcome> {
  const child = spawn(process.execPath, [CLI, ...args], { env: { ...process.env, ...env } });
  let [out, err] = ['', ''];
  child.stdout.on('data', (text) => (out += text));
  child.stderr.on('data', (text) => (err += text));
  const code = await new Promise<number | null>((resolve) => child.on('close', resolve));
  const lines = args.includes('--json')
    ? out.split('\n').flatMap((line) => (line === '' ? [] : JSON.parse(line)))
    : [];
  const told = lines
    .filter(({ type, severity }) => type === 'finding' && severity !== 'note')
    .map((one) => `${one.code} ${one.table}/${one.key}`);
  return { code, out, err, told, lines };
}

interface Asked {
  readonly url?: string;
  readonly rpcUrl?: string;
  readonly more?: readonly string[];
}

const audit = ({ url = made.service.url, rpcUrl: node = rpcUrl, more = [] }: Asked = {}) =>
  run(['audit', '--url', url, '--trust', trust, '--rpc', node, '--json', ...more]);

/** As the command does it, in this process: the same with less to start. */
async function auditHere(url: string): Promise<readonly string[]> {
  const named: string[] = [];
  const report = listening({
    found: ({ code, severity, table, key }) => {
      if (severity !== 'note') named.push(`${code} ${table}/${key.replace(/0x[0-9a-f]{40}/, '')}`);
    },
  });
  await outside({
    service: serviceAt(url),
    trust: parseTrust(readFileSync(trust)),
    nodes: nodesOf(rpcUrl),
    confirmations: undefined,
    contractCode: contractCode(),
    from: 1,
    maxAgeMs: 86_400_000,
    nowMs: () => Date.now(),
    report,
  });
  return named.sort();
}

type Change = (body: Buffer, path: string) => Buffer | number | Promise<Buffer | number>;

/** The service with a liar in front of it: a number is a status, no body. */
async function liar(t: Test, change: Change): Promise<string> {
  const answer: RequestListener = async (request, response) => {
    const real = await fetch(made.service.url + request.url);
    const body = Buffer.from(await real.arrayBuffer());
    const said = real.status === 200 ? await change(body, request.url!) : real.status;
    if (typeof said === 'number') response.writeHead(said).end();
    else response.writeHead(200).end(said);
  };
  return served(t, answer);
}

async function served(t: Test, answer: RequestListener): Promise<string> {
  const server = createServer((request, response) => void answer(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
}

/** Changes the answer about one batch, read as JSON. */
// biome-ignore lint/suspicious/noExplicitAny: an answer to be falsified
const told = (number: number, change: (batch: any) => void): Change => {
  return (body, path) => {
    if (path !== `/v1/batches/${number}`) return body;
    const batch = JSON.parse(body.toString('utf8'));
    change(batch);
    return Buffer.from(JSON.stringify(batch));
  };
};
const leaves = (number: number, change: (leaves: Buffer) => Buffer | number): Change => {
  return (body, path) => (path === `/v1/batches/${number}/leaves` ? change(body) : body);
};

t.test('an honest service is clean, in JSON and in both languages', async (t) => {
  const clean = await audit();
  t.equal(clean.code, 0, clean.out + clean.err);
  t.strictSame(clean.lines, [{ type: 'summary', errors: 0, warnings: 0, notes: 0, repaired: 0, unread: 0 }]);
  const text = await run([
    'audit',
    '--url',
    made.service.url,
    '--trust',
    trust,
    '--rpc',
    `${rpcUrl},${rpcUrl}/`,
  ]);
  t.equal(text.code, 0);
  t.match(text.out, /没有发现问题 \/ nothing is wrong/);
  t.equal((await audit({ more: ['--from', '3'] })).code, 0);
});

const ANYTHING = 'service-answer-invalid batches/2';
const LIES: Readonly<Record<string, readonly [Change, readonly string[]]>> = {
  'it hides a batch': [
    (body, path) => (path.startsWith('/v1/batches/2') ? 404 : body),
    ['service-batch-missing batches/2', 'root-without-batch log/:1'],
  ],
  'it hides the last batch': [
    (body, path) => (path.startsWith('/v1/batches/4') ? 404 : body),
    ['service-batch-missing batches/4', 'root-without-batch log/:3'],
  ],
  'a leaf differs': [
    leaves(2, (all) => {
      all[40]! ^= 1;
      return all;
    }),
    ['service-leaves-differ batches/2', 'service-root-differs batches/2'],
  ],
  'two leaves are exchanged': [
    leaves(2, (all) => Buffer.concat([all.subarray(32, 64), all.subarray(0, 32), all.subarray(64)])),
    ['service-leaves-differ batches/2', 'service-root-differs batches/2'],
  ],
  'a leaf is missing': [
    leaves(2, (all) => all.subarray(32)),
    ['service-leaves-differ batches/2', 'service-root-differs batches/2', 'service-size-differs batches/2'],
  ],
  'there is a leaf too many': [
    leaves(2, (all) => Buffer.concat([all, all.subarray(0, 32)])),
    ['service-leaves-differ batches/2'],
  ],
  'half a leaf is missing': [leaves(2, (all) => all.subarray(16)), ['service-leaves-differ batches/2']],
  'it has no leaves': [leaves(2, () => 404), ['service-leaves-missing batches/2']],
  'it says another root': [
    told(2, (batch) => {
      batch.root = 'ab'.repeat(32);
    }),
    ['service-leaves-differ batches/2'],
  ],
  'it says another size': [
    told(2, (batch) => {
      batch.size = 6;
    }),
    ['service-leaves-differ batches/2'],
  ],
  'it says another index': [
    told(2, (batch) => {
      batch.anchors[0].index = 2;
    }),
    [
      'service-root-differs batches/2',
      'service-size-differs batches/2',
      'index-claimed-twice batches/3',
      'root-without-batch log/:1',
    ],
  ],
  'it says an index that the log does not have': [
    told(4, (batch) => {
      batch.anchors[0].index = 4;
    }),
    ['service-anchor-differs batches/4', 'root-without-batch log/:3'],
  ],
  'it says another block': [
    told(2, (batch) => {
      batch.anchors[0].blockHash = `0x${'ab'.repeat(32)}`;
    }),
    ['service-anchor-differs batches/2'],
  ],
  'it says that nothing is anchored, of an old batch': [
    told(2, (batch) => {
      batch.anchors = [];
      batch.sealedAt = '2020-01-01T00:00:00.000Z';
    }),
    [
      'service-not-anchored batches/2',
      'service-order-differs batches/2',
      'service-time-differs batches/2',
      'root-without-batch log/:1',
    ],
  ],
  'it says that nothing is anchored, of a batch that others are behind': [
    told(2, (batch) => {
      batch.anchors = [];
    }),
    ['service-order-differs batches/2', 'root-without-batch log/:1'],
  ],
  'it says that a batch was sealed in the future': [
    told(4, (batch) => {
      batch.sealedAt = '2999-01-01T00:00:00.000Z';
    }),
    ['service-time-future batches/4', 'service-time-differs batches/4'],
  ],
  'it says that a batch was sealed after its block': [
    told(4, (batch) => {
      batch.sealedAt = new Date(Date.parse(batch.sealedAt) + 90_000).toISOString();
    }),
    // Its own clock is right, so that is in the future as well.
    ['service-time-future batches/4', 'service-time-differs batches/4'],
  ],
  'it says that the first batch had waited for years': [
    told(1, (batch) => {
      batch.sealedAt = '2020-01-01T00:00:00.000Z';
    }),
    ['service-anchored-late batches/1'],
  ],
  'it says that batches were sealed in another order': [
    told(3, (batch) => {
      batch.sealedAt = new Date(Date.parse(batch.sealedAt) - 3_600_000).toISOString();
    }),
    ['service-time-differs batches/3'],
  ],
  'it answers about another batch': [
    told(2, (batch) => {
      batch.number = 3;
    }),
    [ANYTHING, 'root-without-batch log/:1'],
  ],
  'a size is beyond all measure': [
    told(2, (batch) => {
      batch.size = 2 ** 53;
    }),
    [ANYTHING, 'root-without-batch log/:1'],
  ],
  'its answer is not JSON': [
    (body, path) => (path === '/v1/batches/2' ? Buffer.from('<html>') : body),
    [ANYTHING, 'root-without-batch log/:1'],
  ],
  'its anchors are no list': [
    told(2, (batch) => {
      batch.anchors = { length: 1 };
    }),
    [ANYTHING, 'root-without-batch log/:1'],
  ],
};

for (const [what, [change, expected]] of Object.entries(LIES))
  t.test(`named from outside: ${what}`, async (t) => {
    t.strictSame(await auditHere(await liar(t, change)), [...expected].sort());
  });

/** A batch of the liar's own at this place; those behind it are the real ones before it. */
function phantom(at: number, sealedAt: string): RequestListener {
  const leaf = leafOf(Buffer.from('phantom'));
  const batch = { size: 1, root: treeOf(Uint8Array.from(leaf)).root, sealedAt, anchors: [], history: [] };
  return async (request, response) => {
    const [, asked, rest = ''] = /^\/v1\/batches\/(\d+)(\/leaves)?$/.exec(request.url!)!;
    const number = Number(asked);
    if (number === at) return void response.end(rest ? leaf : JSON.stringify({ ...batch, number }));
    const real = await fetch(`${made.service.url}/v1/batches/${number > at ? number - 1 : number}${rest}`);
    const body = Buffer.from(await real.arrayBuffer());
    const isBatch = real.status === 200 && rest === '';
    response
      .writeHead(real.status)
      .end(isBatch ? JSON.stringify({ ...JSON.parse(body.toString('utf8')), number }) : body);
  };
}

t.test(
  'a batch that was put between the anchored ones is named, however young it says that it is',
  async (t) => {
    const now = new Date().toISOString();
    for (const [at, sealedAt, expected] of [
      [1, (await made.service.batch(1)).sealedAt, ['service-order-differs batches/1']],
      [3, (await made.service.batch(3)).sealedAt, ['service-order-differs batches/3']],
      [5, now, []],
      [5, '2999-01-01T00:00:00.000Z', ['service-time-future batches/5']],
    ] as const)
      t.strictSame(await auditHere(await served(t, phantom(at, sealedAt))), expected, `${at} ${sealedAt}`);
  },
);

t.test('a trusted log on another chain was not looked at, which is no clean answer', async (t) => {
  const list = JSON.parse(readFileSync(trust, 'utf8'));
  list.logs.push({ ...list.logs[0], genesisHash: `0x${'11'.repeat(32)}` });
  const both = join(made.dataDir, 'both.json');
  writeFileSync(both, JSON.stringify(list));
  const { code, lines } = await run([
    ...['audit', '--url', made.service.url, '--rpc', rpcUrl, '--json', '--trust', both],
  ]);
  t.equal(code, 2);
  t.match(lines, [{ code: 'log-on-other-chain' }, { type: 'summary', errors: 0, unread: 1 }]);
});

t.test('what cannot be looked at is no clean answer', async (t) => {
  const away = await audit({ rpcUrl: 'http://127.0.0.1:9' });
  t.equal(away.code, 2);
  t.match(away.lines, [{ type: 'unread', part: 'audit' }]);
  t.equal((await audit({ url: 'http://127.0.0.1:9' })).code, 2);
  const busy = await audit({ url: await liar(t, (body, path) => (path.endsWith('/2/leaves') ? 503 : body)) });
  t.equal(busy.code, 2);
  t.match(busy.lines, [{ type: 'unread', part: 'batches/2/leaves' }]);
  const endless = await liar(t, (body, path) =>
    path === '/v1/batches/2' ? Buffer.alloc(17 * 1024 * 1024, 0x20) : body,
  );
  t.equal((await audit({ url: endless })).code, 2);
  const proxy = await rpcProxy(t, rpcUrl);
  proxy.on('eth_chainId', () => '0x1');
  t.equal((await audit({ rpcUrl: proxy.url })).code, 2, 'the trust list does not know this chain');
  t.equal((await audit({ rpcUrl: `${rpcUrl},${proxy.url}` })).code, 2, 'nodes that contradict each other');
});

t.test(
  'a node that has dropped its old events: the contract’s state alone proves all roots, or that one differs',
  async (t) => {
    const proxy = await rpcProxy(t, rpcUrl);
    proxy.on('eth_getLogs', () => []);
    const clean = await audit({ rpcUrl: proxy.url });
    t.equal(clean.code, 0, clean.out);
    t.match(clean.lines, [{ code: 'events-incomplete' }, { type: 'summary', notes: 1 }]);
    const lying = await liar(
      t,
      leaves(2, (all) => Buffer.concat([all.subarray(32, 64), all.subarray(0, 32), all.subarray(64)])),
    );
    const named = await audit({ rpcUrl: proxy.url, url: lying });
    t.equal(named.code, 1);
    t.strictSame(
      named.told.map((one) => one.replace(/0x[0-9a-f]{40}/, '')),
      ['service-leaves-differ batches/2', 'service-root-differs batches/2', 'log-state-differs log/'],
      'the transaction that the service names says the root',
    );
    proxy.on('eth_getTransactionByHash', () => null);
    t.ok(
      (await audit({ rpcUrl: proxy.url, url: lying })).told.some((one) =>
        one.startsWith('log-state-differs'),
      ),
    );
  },
);

t.test('a node that shows events which the contract’s state does not bear out is not believed', async (t) => {
  const proxy = await rpcProxy(t, rpcUrl);
  proxy.on('eth_getLogs', async (_params, forward) => {
    const logs = (await forward()) as { data: string }[];
    return logs.map((log, i) =>
      i === 1 ? { ...log, data: `0x${'ab'.repeat(32)}${log.data.slice(66)}` } : log,
    );
  });
  t.equal((await audit({ rpcUrl: proxy.url })).code, 2);
});

t.test('a root that the operator put on the chain behind the service’s back is named', async (t) => {
  const revert = await rpc<string>(rpcUrl, 'evm_snapshot');
  await append(openChain(t, { rpcUrls: [rpcUrl] }), 4, 3);
  await made.anvil.mine(4);
  const { code, told } = await audit();
  t.equal(code, 1);
  t.match(told, [/^service-batch-missing batches\/5/, /^root-without-batch log\/.*:4$/]);
  await rpc(rpcUrl, 'evm_revert', revert);
});

t.test('wrong usage is told', async (t) => {
  const base = ['audit', '--url', made.service.url, '--trust', trust, '--rpc', rpcUrl];
  const cases: readonly (readonly string[])[] = [
    ['audit'],
    base.slice(0, 5),
    base.slice(0, 3),
    [...base, 'x'],
    [...base, '--from', '0'],
    [...base, '--max-age', 'x'],
    [...base, '--confirmations', '-1'],
    ['audit', '--url', 'x', ...base.slice(3)],
    [...base.slice(0, 4), join(made.dataDir, 'nothing'), ...base.slice(5)],
    [...base.slice(0, 6), 'x'],
    ['fsck', 'x'],
    ['fsck', '--rpc', 'x'],
    ['fsck', '--nonsense'],
  ];
  for (const args of cases)
    t.equal((await run(args, { KEZHENG_DATA_DIR: made.dataDir })).code, 64, args.join(' '));
});

t.test(
  'fsck on the command line: beside the running service, in JSON, and where it cannot look',
  async (t) => {
    const env = { KEZHENG_DATA_DIR: made.dataDir };
    const clean = await run(['fsck', '--rpc', rpcUrl, '--json'], env);
    t.equal(clean.code, 0, clean.out + clean.err);
    t.match(clean.err, /journal 8/);
    const configured = await run(['fsck'], { ...env, KEZHENG_RPC_URL: rpcUrl });
    t.equal(configured.code, 0);
    t.match(configured.out, /nothing is wrong/);
    t.equal((await run(['fsck', '--rpc', 'http://127.0.0.1:9'], env)).code, 2);
    const other = mkdtempSync(join(tmpdir(), 'kezheng-audit-'));
    t.teardown(() => rm(other, { recursive: true, force: true }));
    t.equal((await run(['fsck'], { KEZHENG_DATA_DIR: other })).code, 64, 'no installation');
    writeFileSync(join(other, 'kezheng.sqlite'), '');
    t.equal((await run(['fsck'], { KEZHENG_DATA_DIR: other })).code, 2, 'a database without our tables');
    writeFileSync(
      join(other, 'kezheng.sqlite'),
      'this is no database at all, whatever its name says. '.repeat(100),
    );
    t.equal((await run(['fsck'], { KEZHENG_DATA_DIR: other })).code, 1, 'a database that is destroyed');
  },
);

/* The last two change the service's data for good. */

t.test('an entry exchanged inside, with leaf, root and tree made anew, is named from outside', async (t) => {
  inDatabase(made.dataDir, (db) => {
    const entry = db.prepare('select entry from entries where sequence = 3').pluck().get() as string;
    const bytes = Buffer.from(entry.replace('仅摘要', '仅篡改'), 'utf8');
    db.prepare('update entries set entry = cast(? as text), leaf = ? where sequence = 3').run(
      bytes,
      leafOf(bytes),
    );
    const all = db
      .prepare('select leaf from entries where sequence between 2 and 6 order by sequence')
      .pluck()
      .all() as Buffer[];
    const { root, file } = treeOf(Uint8Array.from(Buffer.concat(all)));
    db.prepare('update batches set root = ? where number = 2').run(root);
    const path = join(made.dataDir, 'blobs', 'trees', root.slice(0, 2), root);
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, file());
  });
  const { code, told } = await audit();
  t.equal(code, 1);
  t.strictSame(told, ['service-root-differs batches/2']);
  const inside = await run(['fsck', '--rpc', rpcUrl, '--json'], { KEZHENG_DATA_DIR: made.dataDir });
  t.equal(inside.code, 1);
  t.ok(inside.told.includes('entry-altered entries/3'));
  const text = await run(['fsck', '--rpc', rpcUrl], { KEZHENG_DATA_DIR: made.dataDir });
  t.match(text.out, /错误 \/ error {2}entries\/3 {2}entry-altered\n.*条目已不是封批时的内容/);
  t.ok(readFileSync(trust));
});

t.test('a batch deleted inside is named from outside', async (t) => {
  inDatabase(made.dataDir, (db) => db.exec('delete from batches where number = 2'));
  const { code, told } = await audit();
  t.equal(code, 1);
  t.match(told, [/^service-batch-missing batches\/2$/, /^root-without-batch log\/0x[0-9a-f]{40}:1$/]);
});
