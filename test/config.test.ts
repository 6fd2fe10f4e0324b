import { writeFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import t from 'tap';
import { ConfigError, readConfig } from '../server/config.ts';

const folder = t.testdir();
const keyFile = join(folder, 'operator.key');
writeFileSync(keyFile, `0x${'1'.repeat(64)}\n`);
const secretFile = join(folder, 'client.secret');
writeFileSync(secretFile, 'of the client\n');
const oidc = {
  KEZHENG_OIDC_ISSUER: 'https://id.example.cn/realm',
  KEZHENG_OIDC_CLIENT_ID: 'kezheng',
  KEZHENG_OIDC_CLIENT_SECRET_FILE: secretFile,
};
const chain = {
  KEZHENG_RPC_URL: 'http://a:1, http://b:2',
  KEZHENG_CHAIN_ID: '1',
  KEZHENG_OPERATOR_KEY_FILE: keyFile,
};

t.test('without any setting it is a demonstration on localhost', async (t) => {
  const config = readConfig({ PATH: '/bin', KEZHENG_HOST: '' });
  t.match(config, {
    host: 'localhost',
    port: 3000,
    publicUrl: 'http://localhost:3000',
    dataDir: resolve('data'),
    chain: undefined,
    confirmations: 'finalized',
    batchMaxAgeMs: 2000,
    sessionHours: 12,
    sessionIdleMinutes: 60,
    selfRegistration: true,
  });
  t.ok(Object.isFrozen(config));
});

t.test('a configured chain has its nodes, its key and a name', async (t) => {
  const config = readConfig({
    ...chain,
    KEZHENG_PUBLIC_URL: 'https://example.cn/',
    KEZHENG_FILING_MLPS: '第1号',
  });
  t.match(config.chain, { rpcUrls: ['http://a:1', 'http://b:2'], chainId: 1, name: 'Ethereum', test: false });
  t.equal(config.publicUrl, 'https://example.cn');
  t.equal(config.selfRegistration, false, 'whoever comes in is let in by somebody');
  t.equal(config.batchMaxAgeMs, 60_000, 'a public chain is not written to every two seconds');
  t.strictSame(config.filings, { mlps: '第1号' });
  t.match(
    readConfig({
      ...chain,
      KEZHENG_CHAIN_ID: '5',
      KEZHENG_CONFIRMATIONS: '3',
      KEZHENG_CONTRACT: `0x${'Ab'.repeat(20)}`,
    }),
    {
      confirmations: 3,
      chain: { test: true, name: 'EVM 5', contract: `0x${'ab'.repeat(20)}` },
    },
  );
  t.equal(readConfig({ ...chain, KEZHENG_CHAIN_ID: '5', KEZHENG_CHAIN_TEST: 'false' }).chain?.test, false);
});

t.test('a provider to sign in at has an issuer as tokens name it, a client and a name', async (t) => {
  const given = { issuer: 'https://id.example.cn/realm', clientId: 'kezheng', clientSecret: 'of the client' };
  t.strictSame(readConfig(oidc).oidc, { ...given, name: 'id.example.cn' });
  t.equal(readConfig({ ...oidc, KEZHENG_OIDC_NAME: '某机构' }).oidc?.name, '某机构');
  const inside = {
    ...oidc,
    KEZHENG_OIDC_ISSUER: 'http://id.local:8080/',
    KEZHENG_EGRESS_ALLOW: 'id.local:8080',
  };
  t.equal(readConfig(inside).oidc?.issuer, 'http://id.local:8080/', 'in the open inside, where it is listed');
  t.equal(readConfig({}).oidc, undefined);
});

t.test('time servers are names or addresses, with port 123 where none is given', async (t) => {
  const { ntpServers, maxDriftMs } = readConfig({
    KEZHENG_NTP_SERVERS:
      ' ntp.NTSC.ac.cn, time-1.example:1123 ,10.0.0.1:1, [2001:DB8::1], [::1]:65535, localhost,',
    KEZHENG_MAX_DRIFT_MS: '250',
  });
  t.strictSame(
    ntpServers.map(({ host, port }) => `${host} ${port}`),
    [
      'ntp.ntsc.ac.cn 123',
      'time-1.example 1123',
      '10.0.0.1 1',
      '2001:db8::1 123',
      '::1 65535',
      'localhost 123',
    ],
  );
  t.equal(maxDriftMs, 250);
  t.match(readConfig({}), { ntpServers: [], maxDriftMs: 1_000 });
});

const bad: readonly (readonly [string, Record<string, string>])[] = [
  ['PORT', { KEZHENG_PORT: '65536' }],
  ['PORT', { KEZHENG_PORT: '3e3' }],
  ['PUBLIC_URL', { KEZHENG_PUBLIC_URL: 'ftp://x' }],
  ['LOG_LEVEL', { KEZHENG_LOG_LEVEL: 'loud' }],
  ['BATCH_MAX_ENTRIES', { KEZHENG_BATCH_MAX_ENTRIES: '0' }],
  ['MAX_FILES', { KEZHENG_MAX_FILES: '101' }],
  ['CONFIRMATIONS', { KEZHENG_CONFIRMATIONS: 'soon' }],
  ['CONFIRMATIONS', { KEZHENG_CONFIRMATIONS: '0' }],
  ['CONFIRMATIONS', { KEZHENG_CONFIRMATIONS: '100001' }],
  ['CHAIN_ID', { KEZHENG_CHAIN_ID: '1' }],
  ['CHAIN_ID', { ...chain, KEZHENG_CHAIN_ID: '' }],
  ['OPERATOR_USCC', { KEZHENG_OPERATOR_USCC: '123' }],
  ['OPERATOR_USCC', { KEZHENG_OPERATOR_USCC: '91350200MA2YJ1XR9H' }],
  ['CONTRACT', { ...chain, KEZHENG_CONTRACT: '0x1' }],
  ['OPERATOR_KEY_FILE', { ...chain, KEZHENG_OPERATOR_KEY_FILE: '' }],
  ['OPERATOR_KEY_FILE', { ...chain, KEZHENG_OPERATOR_KEY_FILE: '/nowhere' }],
  ['OPERATOR_KEY_FILE', { ...chain, KEZHENG_OPERATOR_KEY_FILE: join(import.meta.dirname, 'config.test.ts') }],
  ['RPC_URL', { ...chain, KEZHENG_RPC_URL: 'localhost:8545' }],
  ['CHAIN_TEST', { ...chain, KEZHENG_CHAIN_TEST: 'yes' }],
  ['ISSUER_CERT_FILE', { KEZHENG_ISSUER_KEY_FILE: 'k.pem' }],
  ['ISSUER_KEY_FILE', { KEZHENG_ISSUER_CERT_FILE: 'c.pem' }],
  ['PDF_CERT_FILE', { KEZHENG_PDF_KEY_FILE: 'k.pem' }],
  ['PDF_KEY_FILE', { KEZHENG_PDF_CERT_FILE: 'c.pem' }],
  ['DATABASE_URL', { KEZHENG_DATABASE_URL: 'mysql://x' }],
  ['DATABASE_URL', { KEZHENG_DATABASE_URL: 'postgres://user:100%@host/x' }],
  ['BLOBS', { KEZHENG_BLOBS: '/var/blobs' }],
  ['ISSUER_KEY_FILE', { ...chain, KEZHENG_DATABASE_URL: 'postgres://x' }],
  ['DATA_KEY_FILE', { ...chain, KEZHENG_DATABASE_URL: 'postgres://x' }],
  ['OIDC_ISSUER', { ...oidc, KEZHENG_OIDC_ISSUER: 'http://id.example.cn' }],
  ['OIDC_ISSUER', { ...oidc, KEZHENG_OIDC_ISSUER: 'https://id.example.cn/?a' }],
  ['OIDC_ISSUER', { ...oidc, KEZHENG_OIDC_ISSUER: 'https://a:b@id.example.cn' }],
  ['OIDC_ISSUER', { ...oidc, KEZHENG_OIDC_ISSUER: 'id.example.cn' }],
  ['OIDC_CLIENT_ID', { ...oidc, KEZHENG_OIDC_CLIENT_ID: '' }],
  ['OIDC_CLIENT_ID', { KEZHENG_OIDC_CLIENT_ID: 'kezheng' }],
  ['OIDC_NAME', { KEZHENG_OIDC_NAME: '某机构' }],
  ['OIDC_CLIENT_SECRET_FILE', { ...oidc, KEZHENG_OIDC_CLIENT_SECRET_FILE: '' }],
  ['OIDC_CLIENT_SECRET_FILE', { ...oidc, KEZHENG_OIDC_CLIENT_SECRET_FILE: '/nowhere' }],
  ['OIDC_CLIENT_SECRET_FILE', { ...oidc, KEZHENG_OIDC_CLIENT_SECRET_FILE: '/dev/null' }],
  ['METRICS_TOKEN', { KEZHENG_METRICS_TOKEN: 'short' }],
  ['OTLP_ENDPOINT', { KEZHENG_OTLP_ENDPOINT: 'collector:4318' }],
  ['TRACE_PERCENT', { KEZHENG_TRACE_PERCENT: '101' }],
  ['MAX_UPLOADS', { KEZHENG_MAX_UPLOADS: '0' }],
  ['SESSION_HOURS', { KEZHENG_SESSION_HOURS: '0' }],
  ['SESSION_IDLE_MINUTES', { KEZHENG_SESSION_IDLE_MINUTES: '4' }],
  ['SELF_REGISTRATION', { KEZHENG_SELF_REGISTRATION: 'yes' }],
  ['MAX_CONNECTIONS', { KEZHENG_MAX_CONNECTIONS: '1' }],
  ['TRUSTED_PROXIES', { KEZHENG_TRUSTED_PROXIES: '10.0.0.1, balancer' }],
  ['TRUSTED_PROXIES', { KEZHENG_TRUSTED_PROXIES: '10.0.0.0/33' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'ntp://a.cn' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'a.cn b.cn' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'a.cn:0' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'a.cn:65536' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'a.cn:' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: '-a.cn' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'a..cn' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: `${'a'.repeat(64)}.cn` }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: `${'a.'.repeat(127)}cn` }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: '10.0.0.256' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: '10.0.0' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: '2001:db8::1' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: '[2001:db8::g]' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: '[10.0.0.1]' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: 'a.cn, A.cn:123' }],
  ['NTP_SERVERS', { KEZHENG_NTP_SERVERS: Array.from({ length: 17 }, (_, i) => `n${i}.cn`).join() }],
  ['MAX_DRIFT_MS', { KEZHENG_MAX_DRIFT_MS: '99' }],
  ['MAX_DRIFT_MS', { KEZHENG_MAX_DRIFT_MS: '60001' }],
  ['MAX_DRIFT_MS', { KEZHENG_MAX_DRIFT_MS: '1s' }],
  ['PROT', { KEZHENG_PROT: '3000' }],
];
for (const [name, env] of bad)
  t.test(`a setting that cannot be used is named: ${JSON.stringify(env).slice(0, 60)}`, async (t) => {
    t.throws(() => readConfig(env), new RegExp(`KEZHENG_${name}`));
    t.throws(() => readConfig(env), ConfigError);
  });

t.test('a chain without its id is told that the id is not set, not what range it has', async (t) => {
  const { KEZHENG_CHAIN_ID: _, ...without } = chain;
  t.throws(() => readConfig(without), /KEZHENG_CHAIN_ID：未设置.*KEZHENG_CHAIN_ID: is not set/);
  t.throws(() => readConfig({ KEZHENG_RPC_URL: 'http://a:1' }), /KEZHENG_CHAIN_ID：未设置/);
  t.equal(readConfig({ KEZHENG_OPERATOR_USCC: '91350200MA2YJ1XR9G' }).operatorUscc, '91350200MA2YJ1XR9G');
});

t.test('all settings that cannot be used are told at once, each once', async (t) => {
  const refused = (env: Record<string, string>): string[] => {
    try {
      readConfig(env);
      return [];
    } catch (error) {
      return (error as Error).message
        .split('\n')
        .map((line) => /^KEZHENG_([A-Z_]+)：/.exec(line)?.[1] ?? line);
    }
  };
  t.strictSame(
    refused({
      ...chain,
      KEZHENG_PROT: '1',
      KEZHENG_PORT: 'x',
      KEZHENG_OPERATOR_KEY_FILE: '/nowhere',
      KEZHENG_TRUSTED_PROXIES: 'a, b',
      KEZHENG_DATABASE_URL: 'postgres://x',
      KEZHENG_LOG_LEVEL: 'loud',
    }).toSorted(),
    [
      'DATA_KEY_FILE',
      'ISSUER_KEY_FILE',
      'LOG_LEVEL',
      'OPERATOR_KEY_FILE',
      'PDF_KEY_FILE',
      'PORT',
      'PROT',
      'TRUSTED_PROXIES',
      'TSA_KEY_FILE',
    ],
  );
  t.strictSame(refused({}), []);
});

t.test('whoever writes final is told that finalized is the word', async (t) => {
  t.throws(
    () => readConfig({ KEZHENG_CONFIRMATIONS: 'final' }),
    /应为 finalized，.* is neither finalized nor/,
  );
});

t.test('an operator key that is no key is told by its file, and never shown', async (t) => {
  const file = join(t.testdir(), 'key');
  for (const text of [`0x${'0'.repeat(64)}`, `0x${'f'.repeat(64)}`, '5'.repeat(64), '']) {
    writeFileSync(file, text);
    try {
      readConfig({ ...chain, KEZHENG_OPERATOR_KEY_FILE: file });
      t.fail(text);
    } catch (error) {
      t.match((error as Error).message, `KEZHENG_OPERATOR_KEY_FILE：${file} `);
      if (text !== '') t.notMatch((error as Error).message, text);
    }
  }
});
