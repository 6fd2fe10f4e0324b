import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, relative, resolve } from 'node:path';
import t from 'tap';

/*
 * Who may import whom. Each line imports only lines above it; rooms of one line do not import each other.
 */

const ROOT = join(import.meta.dirname, '..');

const LINES: readonly (readonly string[])[] = [
  ['core', 'messages'],
  ['ports'],
  ['journal', 'authority', 'identity', 'calendar', 'ledger', 'documents', 'outbox'],
  ['pipeline', 'tsa-authorities.ts'],
  ['casework', 'registry', 'exchange'],
  ['http', 'cli'],
  [
    'app.ts',
    'main.ts',
    'service.ts',
    'chain.ts',
    'clock.ts',
    'config.ts',
    'demonstration.ts',
    'mode.ts',
    'parts.ts',
    'procedures.ts',
  ],
];
/** Rooms beside the lines: what they may import, whatever line it is in. */
const BESIDE: Readonly<Record<string, readonly string[]>> = {
  adapters: ['core', 'ports'],
  audit: ['core', 'ports'],
  web: ['core', 'messages'],
};
/** Files of other rooms that the pages share: they run in a browser as they are, for they import core and messages alone. */
const IN_BROWSERS = ['adapters/packages.ts', 'adapters/signatures.ts', 'cli/hints.ts'];
/** The demonstration is a client like any other. */
const OF_SCRIPTS: Readonly<Record<string, readonly string[]>> = {
  'demo.ts': [],
  'demo/service.ts': [],
  'demo/person.ts': [],
  'demo/notarize.ts': [],
  'demo/deed.ts': [],
};
/** The check of a certificate depends on nothing but the check; what it shares with other commands has no other imports. */
const NARROW: Readonly<Record<string, readonly string[]>> = {
  'cli/verify.ts': ['core', 'messages'],
  'cli/verify-case.ts': ['core', 'messages'],
  'cli/case-text.ts': ['core', 'messages'],
  'cli/ots.ts': ['core', 'messages'],
  'cli/report-text.ts': ['core', 'messages'],
  'cli/hash-file.ts': ['core'],
  'cli/hints.ts': ['core', 'messages'],
  'cli/evidence-record.ts': ['core', 'messages'],
  'cli/new-file.ts': [],
  'cli/read-small.ts': [],
  'cli/rpc.ts': ['core'],
  'cli/usage.ts': ['messages'],
  'cli/trust.ts': ['core', 'messages'],
  'cli/block-sources.ts': ['core', 'messages'],
  'cli/source.ts': ['core'],
  'cli/escaped-json.ts': [],
};

interface Import {
  readonly from: string;
  readonly to: string;
}

const sources = (folder: string): string[] =>
  (readdirSync(join(ROOT, folder), { recursive: true }) as string[]).filter((name) => name.endsWith('.ts'));

function importsOf(folder: string, file: string): Import[] {
  const text = readFileSync(join(ROOT, folder, file), 'utf8');
  return [...text.matchAll(/(?:\bfrom\s+|\bimport\s+|\bimport\(\s*)'([^']+)'/g)].map(([, to]) => ({
    from: file,
    to: to!,
  }));
}

/** The room of a file of server/: its first folder, or its own name at the top. */
const roomOf = (file: string): string => file.split('/')[0]!;

const inServer = (file: string, to: string): string | undefined => {
  if (!to.startsWith('.')) return undefined;
  const path = relative(join(ROOT, 'server'), resolve(ROOT, 'server', dirname(file), to));
  return path.startsWith('..') ? undefined : path;
};

function mayImport(from: string, to: string): boolean {
  const [own, other] = [roomOf(from), roomOf(to)];
  const narrow = NARROW[from];
  if (narrow !== undefined) return narrow.includes(other) || dirname(from) === dirname(to);
  if (own === other) return true;
  const beside = BESIDE[own];
  if (own === 'web' && IN_BROWSERS.includes(to)) return true;
  if (beside !== undefined) return beside.includes(other);
  const line = LINES.findIndex((rooms) => rooms.includes(own));
  const otherLine = LINES.findIndex((rooms) => rooms.includes(other));
  if (line === LINES.length - 1) return true;
  // A command stands alone and opens what it works on; the service has its own wiring for that.
  if (own === 'cli' && other === 'adapters') return ['cli/main.ts', 'cli/data.ts'].includes(from);
  if (own === 'cli' && other === 'audit') return true;
  return otherLine !== -1 && otherLine < line;
}

const files = sources('server');

t.test('every room imports only what stands above it', async (t) => {
  for (const file of files)
    for (const { to } of importsOf('server', file)) {
      const path = inServer(file, to);
      if (path !== undefined && !mayImport(file, path)) t.fail(`${file} imports ${path}`);
    }
  t.pass();
});

const IMPURE = [
  /\bprocess\./,
  /\bDate\.now/,
  /\bnew Date\(\)/,
  /\bMath\.random/,
  /\bBuffer\b/,
  /\bconsole\./,
  /\bglobalThis\b/,
  /\bfetch\(/,
];

t.test('core is pure: no package but @noble/hashes, no node, no clock, no environment', async (t) => {
  for (const file of files.filter((name) => name.startsWith('core/'))) {
    for (const { to } of importsOf('server', file))
      t.ok(to.startsWith('.') || to.startsWith('@noble/hashes/'), `${file} imports ${to}`);
    const code = readFileSync(join(ROOT, 'server', file), 'utf8').replaceAll(
      /\/\*[\s\S]*?\*\/|\/\/.*$/gm,
      '',
    );
    for (const word of IMPURE) t.notMatch(code, word, `${file} uses ${word}`);
  }
});

t.test('no library is known outside the room that adapts it', async (t) => {
  const only: Readonly<Record<string, readonly string[]>> = {
    ethers: ['adapters/evm/'],
    'better-sqlite3': ['adapters/sqlite/'],
    kysely: ['adapters/sqlite/', 'adapters/postgres/', 'adapters/relational/'],
    pg: ['adapters/postgres/'],
    '@aws-sdk/client-s3': ['adapters/s3/'],
    merkletreejs: ['adapters/workers/'],
    '@peculiar/x509': [
      'adapters/key-files.ts',
      'adapters/revocation/certificate.ts',
      'adapters/stamping/identity.ts',
    ],
    pdfkit: ['documents/pdf/'],
    fontkit: ['documents/pdf/'],
    'bidi-js': ['documents/pdf/'],
    qrcode: ['documents/pdf/'],
    '@zip.js/zip.js/lib/zip-core-custom.js': ['adapters/packages.ts'],
    yazl: ['documents/package/'],
    'chinese-days': ['calendar/holidays.ts'],
    'chinese-days/dist/chinese-days.json': ['calendar/holidays.ts'],
    fastify: ['http/', 'app.ts'],
    '@fastify/cookie': ['http/session-cookie.ts', 'app.ts'],
    argon2: ['identity/passwords.ts'],
    '@noble/curves/nist.js': ['web/checker/plain-signatures.ts'],
    pino: ['service.ts'],
    otpauth: ['identity/totp.ts'],
    'openid-client': ['adapters/oidc.ts'],
    '@simplewebauthn/server': ['adapters/webauthn.ts'],
    '@simplewebauthn/server/helpers': ['adapters/webauthn.ts'],
    'prom-client': ['adapters/telemetry/'],
    '@opentelemetry/api': ['adapters/telemetry/tracing.ts'],
    '@opentelemetry/exporter-trace-otlp-http': ['adapters/telemetry/tracing.ts'],
    '@opentelemetry/sdk-trace': ['adapters/telemetry/tracing.ts'],
  };
  for (const file of files)
    for (const { to } of importsOf('server', file)) {
      const places = only[to.startsWith('kysely/') ? 'kysely' : to];
      if (places !== undefined && !places.some((place) => file.startsWith(place)))
        t.fail(`${file} imports ${to}`);
    }
  t.pass();
});

/** Who may open a connection by hand: nodes and the services that one is told to look at are the operator's own choice. */
const CONNECTING: Readonly<Record<string, string>> = {
  'outbox/connect.ts': 'the door',
  'outbox/exchange.ts': 'the door',
  'outbox/resolve.ts': 'the door',
  'adapters/evm/rpc.ts': 'KEZHENG_RPC_URL',
  'adapters/sntp/server.ts': 'KEZHENG_NTP_SERVERS',
  'web/checker/online.ts': 'the service that served the page',
  'cli/rpc.ts': '--rpc',
  'cli/node.ts': '--url',
  'cli/audit.ts': '--url',
  'cli/service-client.ts': '--url',
};
const CONNECTS =
  /\bfetch\(|import (?!type )[^;]*\b(?:connect|createConnection|request|get|Agent|Resolver|lookup|Socket)\b[^;]* from 'node:(?:net|tls|http|https|http2|dns|dns\/promises)'/;

t.test(
  'there is one door out: nothing else makes a request to an address that came from outside',
  async (t) => {
    const connecting = files.filter((file) =>
      CONNECTS.test(readFileSync(join(ROOT, 'server', file), 'utf8')),
    );
    t.strictSame(connecting.toSorted(), Object.keys(CONNECTING).toSorted());
  },
);

t.test('the demonstration uses nothing of the server but its interface', async (t) => {
  for (const script of Object.keys(OF_SCRIPTS))
    for (const { to } of importsOf('scripts', script)) t.notMatch(to, /server/, `${script} imports ${to}`);
});

t.test('there is no cycle', async (t) => {
  const graph = new Map(
    files.map((file) => [file, importsOf('server', file).flatMap(({ to }) => inServer(file, to) ?? [])]),
  );
  const done = new Set<string>();
  const visit = (file: string, way: readonly string[]): void => {
    if (way.includes(file)) {
      t.fail(`cycle: ${[...way.slice(way.indexOf(file)), file].join(' → ')}`);
      return;
    }
    if (done.has(file)) return;
    for (const to of graph.get(file) ?? []) visit(to, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  t.pass();
});
