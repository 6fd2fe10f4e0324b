import { readFileSync, statSync } from 'node:fs';
import { isIP } from 'node:net';
import { resolve } from 'node:path';
import { ColdRefused, parseColdPlace } from './adapters/cold.ts';
import type { GivenKeyFiles, Purpose } from './adapters/key-files.ts';
import { BadS3Address, parseS3Address } from './adapters/s3/address.ts';
import { parseTimeServer, type TimeServerPlace } from './adapters/sntp/place.ts';
import { DRIFT_BOUNDS } from './authority/clock-watch.ts';
import { isUscc } from './identity/uscc.ts';
import { parseDestination } from './outbox/place.ts';
import type { Destination } from './ports/door.ts';
import type { OutsideAuthority } from './ports/tsp.ts';
import { MAX_AUTHORITIES_BYTES, parseAuthorities } from './tsa-authorities.ts';

/** A setting that cannot be used: stops the start with a sentence that names it. */
export class ConfigError extends Error {
  constructor(name: string, zh: string, en: string) {
    super(`KEZHENG_${name}：${zh} / KEZHENG_${name}: ${en}`);
    this.name = 'ConfigError';
  }

  /** One for all of them, a line each: whoever sets a service up mends them in one go. */
  static all([first, ...others]: readonly [ConfigError, ...ConfigError[]]): ConfigError {
    first.message = [first, ...others].map(({ message }) => message).join('\n');
    return first;
  }
}

export interface ChainConfig {
  /** The first sends, all are asked. */
  readonly rpcUrls: readonly string[];
  readonly chainId: number;
  /** 0x… where configured; else the address that CREATE2 gives */
  readonly contract: string | undefined;
  /** 0x and 64 hex digits, read from OPERATOR_KEY_FILE */
  readonly operatorKey: string;
  readonly name: string;
  readonly runBy: string;
  readonly test: boolean;
}

export interface OidcConfig {
  readonly issuer: string;
  readonly clientId: string;
  /** read from OIDC_CLIENT_SECRET_FILE */
  readonly clientSecret: string;
  /** as people know it */
  readonly name: string;
}

export interface Config {
  readonly host: string;
  readonly port: number;
  readonly publicUrl: string;
  readonly serviceName: string;
  readonly operatorUscc: string | undefined;
  readonly filings: { readonly blockchain?: string; readonly mlps?: string; readonly crypto?: string };
  readonly dataDir: string;
  /** postgres://…; undefined: SQLite in the data dir */
  readonly databaseUrl: string | undefined;
  /** s3://…; undefined: a folder in the data dir */
  readonly blobs: string | undefined;
  /** s3://… or a folder, where old batches' trees and files are moved to */
  readonly coldBlobs: string | undefined;
  readonly logLevel: string;
  /** undefined: demonstration mode, with a local chain of its own */
  readonly chain: ChainConfig | undefined;
  readonly confirmations: 'finalized' | number;
  readonly resendAfterMs: number;
  readonly batchMaxAgeMs: number;
  readonly batchMaxEntries: number;
  readonly maxUploadBytes: number;
  readonly maxFiles: number;
  readonly verifyPerMinute: number;
  /** how old the last check of a stored file may get */
  readonly fixityEveryMs: number;
  /** sign certificates, time-stamp tokens and PDFs; made at the first start where they are not configured */
  readonly issuerFiles: GivenKeyFiles | undefined;
  readonly tsaFiles: GivenKeyFiles | undefined;
  readonly pdfFiles: GivenKeyFiles | undefined;
  /** keys under which secrets are sealed; undefined: made at the first start */
  readonly dataKeyFile: string | undefined;
  readonly trustFile: string | undefined;
  /** what may be reached although it is not public, or at other ports than 80 and 443 */
  readonly egressAllow: readonly Destination[];
  /** where people may sign in besides here; undefined: nowhere */
  readonly oidc: OidcConfig | undefined;
  /** outside authorities that stamp each batch; none: an empty list */
  readonly tsaAuthorities: readonly OutsideAuthority[];
  /** addresses and networks of balancers, whose word for who called counts */
  readonly trustedProxies: readonly string[];
  /** asked for the time; without any the clock is not compared with others */
  readonly ntpServers: readonly TimeServerPlace[];
  /** how far the clock may be from theirs, and how far it may jump */
  readonly maxDriftMs: number;
  /** how long a person stays signed in at most, and how long without doing anything */
  readonly sessionHours: number;
  readonly sessionIdleMinutes: number;
  /** whether anybody may register himself */
  readonly selfRegistration: boolean;
  readonly maxConnections: number;
  /** under way at once */
  readonly maxUploads: number;
  /** undefined: /metrics answers callers on this machine only */
  readonly metricsToken: string | undefined;
  /** undefined: no traces */
  readonly otlpEndpoint: string | undefined;
  /** of the traces that begin here */
  readonly tracePercent: number;
}

/** Every setting of the service, in the order of README's table. Reading one that is not here does not compile. */
const KNOWN = [
  'HOST',
  'PORT',
  'PUBLIC_URL',
  'SERVICE_NAME',
  'OPERATOR_USCC',
  'FILING_BLOCKCHAIN',
  'FILING_MLPS',
  'FILING_CRYPTO',
  'DATA_DIR',
  'DATABASE_URL',
  'BLOBS',
  'COLD_BLOBS',
  'LOG_LEVEL',
  'RPC_URL',
  'CHAIN_ID',
  'CONTRACT',
  'OPERATOR_KEY_FILE',
  'CONFIRMATIONS',
  'RESEND_AFTER_MS',
  'CHAIN_NAME',
  'CHAIN_RUN_BY',
  'CHAIN_TEST',
  'BATCH_MAX_AGE_MS',
  'BATCH_MAX_ENTRIES',
  'MAX_UPLOAD_BYTES',
  'MAX_FILES',
  'VERIFY_PER_MINUTE',
  'FIXITY_EVERY_MS',
  'ISSUER_KEY_FILE',
  'ISSUER_CERT_FILE',
  'TSA_KEY_FILE',
  'TSA_CERT_FILE',
  'TSA_KEY_PASSWORD_FILE',
  'PDF_KEY_FILE',
  'PDF_CERT_FILE',
  'DATA_KEY_FILE',
  'TRUST_FILE',
  'EGRESS_ALLOW',
  'OIDC_ISSUER',
  'OIDC_CLIENT_ID',
  'OIDC_CLIENT_SECRET_FILE',
  'OIDC_NAME',
  'TSA_AUTHORITIES_FILE',
  'TRUSTED_PROXIES',
  'NTP_SERVERS',
  'MAX_DRIFT_MS',
  'SESSION_HOURS',
  'SESSION_IDLE_MINUTES',
  'SELF_REGISTRATION',
  'MAX_CONNECTIONS',
  'MAX_UPLOADS',
  'METRICS_TOKEN',
  'OTLP_ENDPOINT',
  'TRACE_PERCENT',
] as const;
type Name = (typeof KNOWN)[number];

/** Read by the command line, not by the service. */
const OF_CLIENTS = ['URL', 'KEY'];

const PREFIX = 'KEZHENG_';

/** The environment as one frozen value; throws one ConfigError that names every setting that cannot be used. */
export function readConfig(env: Readonly<Record<string, string | undefined>>): Config {
  const read = new Settings(env);
  refuseUnknown(read, env);
  const port = read.integer('PORT', 3000, 0, 65_535);
  const configuredChain = chain(read);
  checkShared(read, configuredChain);
  const allow = egressAllow(read);
  const config: Config = {
    host: read.text('HOST') ?? 'localhost',
    port,
    publicUrl: read.url('PUBLIC_URL') ?? `http://localhost:${port}`,
    serviceName: read.text('SERVICE_NAME') ?? '可证（演示） kezheng demonstration',
    operatorUscc: operatorUscc(read),
    filings: filings(read),
    dataDir: resolve(read.text('DATA_DIR') ?? './data'),
    databaseUrl: read.address('DATABASE_URL', ['postgres:', 'postgresql:']),
    blobs: blobsAddress(read),
    coldBlobs: coldPlace(read),
    logLevel:
      read.word('LOG_LEVEL', ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent']) ?? 'warn',
    chain: configuredChain,
    confirmations: confirmations(read),
    resendAfterMs: read.integer('RESEND_AFTER_MS', 60_000, 100, 86_400_000),
    // Each batch costs a transaction: a local chain takes one every two seconds, a public one is asked once a minute.
    batchMaxAgeMs: read.integer('BATCH_MAX_AGE_MS', configuredChain ? 60_000 : 2_000, 10, 86_400_000),
    batchMaxEntries: read.integer('BATCH_MAX_ENTRIES', 1_048_576, 1, 2 ** 24),
    maxUploadBytes: read.integer('MAX_UPLOAD_BYTES', 16 * 2 ** 30, 1, 2 ** 50),
    maxFiles: read.integer('MAX_FILES', 100, 1, 100),
    verifyPerMinute: read.integer('VERIFY_PER_MINUTE', 600, 1, 1_000_000),
    fixityEveryMs: read.integer('FIXITY_EVERY_MS', 30 * 86_400_000, 100, 3_650 * 86_400_000),
    issuerFiles: keyFiles(read, 'ISSUER'),
    tsaFiles: keyFiles(read, 'TSA'),
    pdfFiles: keyFiles(read, 'PDF'),
    dataKeyFile: read.path('DATA_KEY_FILE'),
    trustFile: read.path('TRUST_FILE'),
    egressAllow: allow,
    oidc: oidc(read, allow),
    tsaAuthorities: tsaAuthorities(read, allow),
    trustedProxies: trustedProxies(read),
    ntpServers: ntpServers(read),
    // Less is no jump of the clock: a busy process pauses so long between looking at one clock and at the other.
    maxDriftMs: read.integer('MAX_DRIFT_MS', DRIFT_BOUNDS.usual, DRIFT_BOUNDS.least, DRIFT_BOUNDS.most),
    sessionHours: read.integer('SESSION_HOURS', 12, 1, 720),
    sessionIdleMinutes: read.integer('SESSION_IDLE_MINUTES', 60, 5, 1_440),
    selfRegistration:
      (read.word('SELF_REGISTRATION', ['true', 'false']) ?? String(configuredChain === undefined)) === 'true',
    maxConnections: read.integer('MAX_CONNECTIONS', 10_000, 10, 1_000_000),
    maxUploads: read.integer('MAX_UPLOADS', 256, 1, 100_000),
    metricsToken: metricsToken(read),
    otlpEndpoint: read.url('OTLP_ENDPOINT'),
    tracePercent: read.integer('TRACE_PERCENT', 100, 0, 100),
  };
  read.finish();
  return Object.freeze(config);
}

function refuseUnknown(read: Settings, env: Readonly<Record<string, string | undefined>>): void {
  for (const variable of Object.keys(env)) {
    if (!variable.startsWith(PREFIX)) continue;
    const name = variable.slice(PREFIX.length);
    if (!(KNOWN as readonly string[]).includes(name) && !OF_CLIENTS.includes(name))
      read.refuse(name, '没有这个配置项', 'there is no such setting');
  }
}

function operatorUscc(read: Settings): string | undefined {
  const code = read.text('OPERATOR_USCC');
  if (code !== undefined && !isUscc(code))
    read.refuse(
      'OPERATOR_USCC',
      '不是有效的统一社会信用代码（18 位大写，末位为校验码）',
      'is no valid unified social credit code (18 characters in capitals, the last one a check)',
    );
  return code;
}

function filings(read: Settings): Config['filings'] {
  const [blockchain, mlps, crypto] = [
    read.text('FILING_BLOCKCHAIN'),
    read.text('FILING_MLPS'),
    read.text('FILING_CRYPTO'),
  ];
  return { ...(blockchain && { blockchain }), ...(mlps && { mlps }), ...(crypto && { crypto }) };
}

/** What each kind of key is called where one of its files is missing. */
const KEYS: Readonly<Record<Purpose, { readonly zh: string; readonly en: string }>> = {
  ISSUER: { zh: '签发私钥', en: 'the issuing key' },
  TSA: { zh: '时间戳私钥', en: 'the time-stamping key' },
  PDF: { zh: '签署 PDF 的私钥', en: 'the key that signs PDFs' },
};

/** A key and its certificates, which go together; undefined where neither is configured. */
function keyFiles(read: Settings, purpose: Purpose): GivenKeyFiles | undefined {
  const [keyFile, certFile] = [read.path(`${purpose}_KEY_FILE`), read.path(`${purpose}_CERT_FILE`)];
  const passwordFile = purpose === 'TSA' ? read.path('TSA_KEY_PASSWORD_FILE') : undefined;
  if (keyFile !== undefined && certFile !== undefined) return { keyFile, certFile, passwordFile };
  if (keyFile === undefined && certFile === undefined && passwordFile === undefined) return undefined;
  const { zh, en } = KEYS[purpose];
  read.refuse(
    keyFile === undefined ? `${purpose}_KEY_FILE` : `${purpose}_CERT_FILE`,
    `${zh}与证书须同时配置`,
    `${en} and its certificate go together`,
  );
  return undefined;
}

function blobsAddress(read: Settings): string | undefined {
  const address = read.text('BLOBS');
  try {
    if (address !== undefined) parseS3Address(address);
    return address;
  } catch (error) {
    if (!(error instanceof BadS3Address)) throw error;
    read.refuse('BLOBS', error.zh, error.en);
    return undefined;
  }
}

function coldPlace(read: Settings): string | undefined {
  const given = read.text('COLD_BLOBS');
  if (given === undefined) return undefined;
  try {
    const near = { dataDir: read.text('DATA_DIR') ?? './data', blobs: blobsAddress(read) };
    return parseColdPlace(given, near);
  } catch (error) {
    if (!(error instanceof BadS3Address || error instanceof ColdRefused)) throw error;
    read.refuse('COLD_BLOBS', error.zh, error.en);
    return undefined;
  }
}

/**
 * Instances on one database sign as one issuer, and each opens what another one sealed: what each made for itself at
 * its first start would be several.
 */
function checkShared(read: Settings, chain: ChainConfig | undefined): void {
  if (chain === undefined || read.text('DATABASE_URL') === undefined) return;
  for (const name of ['ISSUER_KEY_FILE', 'TSA_KEY_FILE', 'PDF_KEY_FILE'] as const)
    if (read.text(name) === undefined)
      read.refuse(
        name,
        '与 KEZHENG_DATABASE_URL 同用时须配置，各实例用同一密钥签署',
        'is needed beside KEZHENG_DATABASE_URL: all instances sign with the same key',
      );
  if (read.text('DATA_KEY_FILE') === undefined)
    read.refuse(
      'DATA_KEY_FILE',
      '与 KEZHENG_DATABASE_URL 同用时须配置，各实例用同一文件加密（openssl rand -hex 32）',
      'is needed beside KEZHENG_DATABASE_URL: all instances seal with the same file (openssl rand -hex 32)',
    );
}

const OF_CHAIN: readonly Name[] = [
  'CHAIN_ID',
  'CONTRACT',
  'OPERATOR_KEY_FILE',
  'CHAIN_NAME',
  'CHAIN_RUN_BY',
  'CHAIN_TEST',
];

function chain(read: Settings): ChainConfig | undefined {
  const rpcUrls = read.list('RPC_URL');
  if (rpcUrls.length === 0) {
    for (const name of OF_CHAIN)
      if (read.text(name) !== undefined)
        read.refuse(name, '须与 KEZHENG_RPC_URL 一起配置', 'goes with KEZHENG_RPC_URL');
    return undefined;
  }
  for (const url of rpcUrls) checkUrl(read, 'RPC_URL', url);
  if (read.text('CHAIN_ID') === undefined)
    read.refuse(
      'CHAIN_ID',
      '未设置，须与 KEZHENG_RPC_URL 一起配置',
      'is not set; it goes with KEZHENG_RPC_URL',
    );
  const chainId = read.integer('CHAIN_ID', 1, 1, Number.MAX_SAFE_INTEGER);
  const contract = read.text('CONTRACT')?.toLowerCase();
  if (contract !== undefined && !/^0x[0-9a-f]{40}$/.test(contract))
    read.refuse('CONTRACT', '应为 0x 加 40 位十六进制', 'is not 0x and 40 hex digits');
  return {
    rpcUrls,
    chainId,
    contract,
    operatorKey: operatorKey(read),
    name: read.text('CHAIN_NAME') ?? (chainId === 1 ? 'Ethereum' : `EVM ${chainId}`),
    runBy: read.text('CHAIN_RUN_BY') ?? (chainId === 1 ? 'public' : 'unknown'),
    // A chain counts as a test chain until somebody says that it is none.
    test: (read.word('CHAIN_TEST', ['true', 'false']) ?? String(chainId !== 1)) === 'true',
  };
}

/** Private keys of secp256k1 are from 1 to this number less one (SEC 2 §2.4.1). */
const CURVE_ORDER = 0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141n;

function operatorKey(read: Settings): string {
  const file = read.path('OPERATOR_KEY_FILE');
  if (file === undefined)
    return read.refuse(
      'OPERATOR_KEY_FILE',
      '配置了链就须指定操作者私钥文件',
      'is needed where a chain is configured',
    );
  let key: string;
  try {
    key = readFileSync(file, 'utf8').trim();
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return read.refuse(
      'OPERATOR_KEY_FILE',
      `无法读取 ${file}（${code}）；运行服务的用户须能读取`,
      `${file} cannot be read (${code}); the user that runs the service must be able to`,
    );
  }
  const number = /^0x[0-9a-fA-F]{64}$/.test(key) ? BigInt(key) : 0n;
  // What the file holds may be a key all the same, or a password: it is told nowhere.
  if (number === 0n || number >= CURVE_ORDER)
    return read.refuse(
      'OPERATOR_KEY_FILE',
      `${file} 的内容应为一个私钥：0x 加 64 位十六进制`,
      `${file} does not hold one private key: 0x and 64 hex digits`,
    );
  return key;
}

function confirmations(read: Settings): 'finalized' | number {
  const given = read.text('CONFIRMATIONS') ?? 'finalized';
  const [least, most] = [1, 100_000];
  if (given === 'finalized') return given;
  const count = /^[0-9]+$/.test(given) ? Number(given) : 0;
  if (count < least || count > most)
    read.refuse(
      'CONFIRMATIONS',
      `应为 finalized，或 ${least} 至 ${most} 的整数`,
      `is neither finalized nor a whole number from ${least} to ${most}`,
    );
  return count;
}

function egressAllow(read: Settings): readonly Destination[] {
  const destinations = read.list('EGRESS_ALLOW').flatMap((item) => {
    const destination = parseDestination(item);
    if (destination === undefined)
      read.refuse(
        'EGRESS_ALLOW',
        `${item} 应为 名称:端口 或 地址:端口（IPv6 地址加方括号），以逗号分隔，不用通配符`,
        `${item} is not name:port or address:port (an IPv6 address in brackets); commas between them, no patterns`,
      );
    return destination === undefined ? [] : Object.freeze(destination);
  });
  return Object.freeze(destinations);
}

const OF_OIDC: readonly Name[] = ['OIDC_CLIENT_ID', 'OIDC_CLIENT_SECRET_FILE', 'OIDC_NAME'];

/** No secret is longer; a file that is none of one is not read whole. */
const MAX_SECRET_CHARACTERS = 4_096;

function oidc(read: Settings, allow: readonly Destination[]): OidcConfig | undefined {
  const issuer = oidcIssuer(read, allow);
  if (issuer === undefined) {
    for (const name of OF_OIDC)
      if (read.text(name) !== undefined)
        read.refuse(name, '须与 KEZHENG_OIDC_ISSUER 一起配置', 'goes with KEZHENG_OIDC_ISSUER');
    return undefined;
  }
  const clientId = read.text('OIDC_CLIENT_ID');
  if (clientId === undefined)
    read.refuse(
      'OIDC_CLIENT_ID',
      '须与 KEZHENG_OIDC_ISSUER 一起配置',
      'is needed beside KEZHENG_OIDC_ISSUER',
    );
  const name = read.text('OIDC_NAME') ?? (URL.canParse(issuer) ? new URL(issuer).hostname : '');
  return { issuer, clientId: clientId ?? '', clientSecret: oidcSecret(read), name };
}

/** Compared with what tokens say, character by character: as given, but for spaces. */
function oidcIssuer(read: Settings, allow: readonly Destination[]): string | undefined {
  const issuer = read.text('OIDC_ISSUER');
  if (issuer === undefined) return undefined;
  checkUrl(read, 'OIDC_ISSUER', issuer);
  if (!URL.canParse(issuer)) return issuer;
  const { protocol, hostname, port, search, hash } = new URL(issuer);
  const isAllowed = allow.some((one) => one.host === hostname && one.port === Number(port || 80));
  if (search !== '' || hash !== '' || (protocol === 'http:' && !isAllowed))
    read.refuse(
      'OIDC_ISSUER',
      '应为 https 地址，无查询与片段；http 只用于 KEZHENG_EGRESS_ALLOW 所列之处',
      'is no https address without query and fragment; http is for what KEZHENG_EGRESS_ALLOW lists',
    );
  return issuer;
}

function oidcSecret(read: Settings): string {
  const file = read.path('OIDC_CLIENT_SECRET_FILE');
  if (file === undefined)
    return read.refuse(
      'OIDC_CLIENT_SECRET_FILE',
      '须与 KEZHENG_OIDC_ISSUER 一起配置',
      'is needed beside KEZHENG_OIDC_ISSUER',
    );
  try {
    const secret = readFileSync(file, 'utf8').replace(/\r?\n$/, '');
    if (secret !== '' && secret.length <= MAX_SECRET_CHARACTERS) return secret;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    return read.refuse(
      'OIDC_CLIENT_SECRET_FILE',
      `无法读取 ${file}（${code}）`,
      `${file} cannot be read (${code})`,
    );
  }
  return read.refuse(
    'OIDC_CLIENT_SECRET_FILE',
    `${file} 应只有客户端密钥`,
    `${file} does not hold a client secret and nothing else`,
  );
}

/** What the file names as an authority decides which times are believed: nothing in it is passed over. */
function tsaAuthorities(read: Settings, allow: readonly Destination[]): readonly OutsideAuthority[] {
  const file = read.path('TSA_AUTHORITIES_FILE');
  if (file === undefined) return Object.freeze([]);
  let bytes: Uint8Array;
  try {
    if (statSync(file).size > MAX_AUTHORITIES_BYTES) throw Object.assign(new Error(), { code: 'EFBIG' });
    bytes = readFileSync(file);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    read.refuse('TSA_AUTHORITIES_FILE', `无法读取 ${file}（${code}）`, `${file} cannot be read (${code})`);
    return [];
  }
  const { authorities, wrong } = parseAuthorities(bytes, allow);
  for (const { zh, en } of wrong)
    read.refuse('TSA_AUTHORITIES_FILE', `${file} 中 ${zh}`, `in ${file}, ${en}`);
  return authorities;
}

function trustedProxies(read: Settings): readonly string[] {
  const given = read.list('TRUSTED_PROXIES');
  for (const one of given) {
    const [, address = '', bits = '0'] = /^([^/]+)(?:\/(\d{1,3}))?$/.exec(one) ?? [];
    const kind = isIP(address);
    if (kind === 0 || Number(bits) > (kind === 4 ? 32 : 128))
      read.refuse(
        'TRUSTED_PROXIES',
        '应为以逗号分隔的 IP 地址或网段',
        'is not a list of IP addresses and networks',
      );
  }
  return given;
}

/** All are asked in each round; with more than this, one that lies is no likelier to be found. */
const MAX_NTP_SERVERS = 16;

function ntpServers(read: Settings): Config['ntpServers'] {
  const given = read.list('NTP_SERVERS');
  const places = given.map(parseTimeServer);
  if (places.includes(undefined))
    read.refuse(
      'NTP_SERVERS',
      '应为以逗号分隔的主机或 主机:端口（IPv6 地址加方括号）',
      'is not a list of host or host:port (IPv6 addresses in brackets)',
    );
  const known = places.filter((place) => place !== undefined);
  // Whoever is named twice would have two voices in a majority.
  const names = new Set(known.map(({ host, port }) => `${host} ${port}`));
  if (names.size < known.length) read.refuse('NTP_SERVERS', '同一服务器出现两次', 'names a server twice');
  if (given.length > MAX_NTP_SERVERS)
    read.refuse('NTP_SERVERS', `至多 ${MAX_NTP_SERVERS} 个`, `has more than ${MAX_NTP_SERVERS}`);
  return known;
}

/** It travels as a bearer token (RFC 6750 §2.1), and guessing it must be hopeless. */
function metricsToken(read: Settings): string | undefined {
  const token = read.text('METRICS_TOKEN');
  if (token !== undefined && !/^[A-Za-z0-9._~+/-]{16,}=*$/.test(token))
    read.refuse(
      'METRICS_TOKEN',
      '应为至少 16 个字母、数字或 . _ ~ + / - 字符',
      'is not at least 16 letters, digits or characters of . _ ~ + / -',
    );
  return token;
}

function checkUrl(read: Settings, name: Name, url: string): void {
  if (!URL.canParse(url) || !/^https?:$/.test(new URL(url).protocol)) {
    read.refuse(name, '应为 http 或 https 地址', 'is not an http or https address');
    return;
  }
  const { username, password } = new URL(url);
  if (username !== '' || password !== '')
    read.refuse(name, '地址中不能带用户名或口令', 'has a user name or password in it');
}

/** Whether a driver will be able to take it apart: user and password are percent-encoded. */
function isAddress(value: string, schemes: readonly string[]): boolean {
  try {
    const { protocol, username, password } = new URL(value);
    decodeURIComponent(username + password);
    return schemes.includes(protocol);
  } catch {
    return false;
  }
}

/**
 * One setting at a time, each checked where it is read. What cannot be used is written down and something harmless
 * returned in its place, so that all can be told at the end. An empty variable counts as not set.
 */
class Settings {
  readonly #env: Readonly<Record<string, string | undefined>>;
  readonly #refused: ConfigError[] = [];

  constructor(env: Readonly<Record<string, string | undefined>>) {
    this.#env = env;
  }

  /** `name`: of a setting that cannot be used, or that is none. */
  refuse(name: string, zh: string, en: string): string {
    const refused = new ConfigError(name, zh, en);
    // Of a list each item may be wrong in one way.
    if (!this.#refused.some(({ message }) => message === refused.message)) this.#refused.push(refused);
    return '';
  }

  /** Throws what was refused. */
  finish(): void {
    const [first, ...others] = this.#refused;
    if (first !== undefined) throw ConfigError.all([first, ...others]);
  }

  text(name: Name): string | undefined {
    const value = this.#env[PREFIX + name]?.trim();
    return value === '' ? undefined : value;
  }

  path(name: Name): string | undefined {
    const value = this.text(name);
    return value === undefined ? undefined : resolve(value);
  }

  url(name: Name): string | undefined {
    const value = this.text(name);
    if (value !== undefined) checkUrl(this, name, value);
    return value?.replace(/\/+$/, '');
  }

  /** May hold a password: it is told nowhere. */
  address(name: Name, schemes: readonly string[]): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !isAddress(value, schemes))
      this.refuse(name, `应为 ${schemes[0]}// 地址`, `is not a ${schemes[0]}// address`);
    return value;
  }

  list(name: Name): readonly string[] {
    return (this.text(name) ?? '').split(',').flatMap((item) => item.trim() || []);
  }

  word(name: Name, words: readonly string[]): string | undefined {
    const value = this.text(name);
    if (value !== undefined && !words.includes(value))
      this.refuse(name, `应为 ${words.join('、')} 之一`, `is not one of ${words.join(', ')}`);
    return value;
  }

  /** A decimal number from `least` to `most`; the fallback holds where it is not set, unless it is itself out of bounds. */
  integer(name: Name, fallback: number, least: number, most: number): number {
    const given = this.text(name);
    const value = given === undefined ? fallback : /^[0-9]+$/.test(given) ? Number(given) : Number.NaN;
    if (!(value >= least && value <= most))
      this.refuse(name, `应为 ${least} 至 ${most} 的整数`, `is not a whole number from ${least} to ${most}`);
    return value;
  }
}
