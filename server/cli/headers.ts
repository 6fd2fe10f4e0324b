import { createHash } from 'node:crypto';
import process from 'node:process';
import { sha256 } from '../core/hash/sha256.ts';
import { draftHeaders, type HeaderBlock, type HeadersToken, parseHeaders } from '../core/headers/headers.ts';
import { parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import type { Trust } from '../core/verify/trust.ts';
import { sentence } from '../messages/sentence.ts';
import type { LogIdentity } from '../ports/chain.ts';
import type { Issuer } from '../ports/issuer.ts';
import type { Anchor, AnchorStore } from '../ports/store.ts';
import type { OutsideAuthority, TspTransport } from '../ports/tsp.ts';
import { isThere, writeNew } from './new-file.ts';
import { askStamp, type Outside, whyNoStamp } from './stamp.ts';
import { EXIT, parse, printable, UsageError } from './usage.ts';

/** `headers`: nothing was written; it was, and lacks a token. */
const NOTHING = 1;
const LACKING = 2;

/** Anchors are read from the store so many at a time. */
const PAGE = 1_000;

/** The installation, as its settings say. */
export interface Installation {
  readonly store: Pick<AnchorStore, 'logs' | 'anchorsOfLog'>;
  readonly issuer: Issuer;
  /** Certificates (DER) of the operator's own time-stamping root and signer. */
  readonly tokenChain: readonly Uint8Array[];
  /** The operator's own authority; its address is not looked at. */
  readonly own: TspTransport;
  readonly authorities: readonly OutsideAuthority[];
  /** As its own list of trust calls a chain; undefined where it does not know it. */
  chainName(log: LogIdentity): string | undefined;
}

export interface HeadersTools {
  readonly signatures: SignatureVerifier;
  readonly nowMs: () => number;
  outside(): Outside;
  withInstallation<T>(use: (installation: Installation) => Promise<T>): Promise<T>;
}

/** The blocks that hold this installation's roots, as a list that a notary can certify and `verify --trust` takes. */
export async function headersCommand(args: readonly string[], tools: HeadersTools): Promise<number> {
  const { values, positionals } = parse(args, {
    out: { type: 'string' },
    since: { type: 'string' },
    until: { type: 'string' },
    text: { type: 'boolean' },
  });
  const { out, text = false } = values;
  if (positionals.length > 0) throw new UsageError(`headers: ${positionals.join(' ')}`);
  if (text && out === undefined)
    throw new UsageError(
      '--text 须与 --out 同用 / --text goes with --out: the table tells the SHA-256 of that file',
    );
  const days = { since: dayOf('--since', values.since), until: dayOf('--until', values.until) };
  if (out !== undefined && isThere(out)) throw new UsageError(`${out} 已存在 / is there already`);
  const made = await tools.withInstallation((installation) => make(installation, days, tools));
  if (made === undefined) return NOTHING;
  if (out === undefined) process.stdout.write(made.bytes);
  else {
    await writeNew(out, made.bytes);
    process.stdout.write(text ? tableText(out, made.bytes) : writtenText(out, made.bytes));
  }
  return made.lacking === 0 ? EXIT.valid : LACKING;
}

function dayOf(option: string, text: string | undefined): string | undefined {
  if (text === undefined) return undefined;
  const ms = /^[0-9]{4}-[0-9]{2}-[0-9]{2}$/.test(text) ? Date.parse(`${text}T00:00:00.000Z`) : Number.NaN;
  if (Number.isNaN(ms) || !new Date(ms).toISOString().startsWith(text))
    throw new UsageError(`${option} 应为日期 YYYY-MM-DD / is a day`);
  return text;
}

/** Days of UTC, `until` included. */
interface Days {
  readonly since: string | undefined;
  readonly until: string | undefined;
}

const isWithin = ({ time }: HeaderBlock, { since, until }: Days): boolean =>
  (since === undefined || time.slice(0, 10) >= since) && (until === undefined || time.slice(0, 10) <= until);

/** The exact bytes, and how many authorities gave no token; undefined where there is no list to make. */
async function make(installation: Installation, days: Days, tools: HeadersTools) {
  const { issuer, store } = installation;
  const blocks = (await blocksOf(store, installation)).filter((block) => isWithin(block, days));
  if (blocks.length === 0) {
    process.stderr.write('kezheng: 没有已最终确认的锚定区块 / there is no final anchor block\n');
    return undefined;
  }
  const issuedAt = new Date(tools.nowMs()).toISOString();
  try {
    const draft = await draftHeaders({ name: issuer.name, issuedAt, blocks }, issuer.x5c, issuer.sign);
    const { tokens, lacking } = await stampAll(draft.stampedBytes, installation, tools);
    const bytes = draft.finish(tokens);
    // What readers would refuse is written nowhere.
    parseHeaders(bytes);
    return { bytes, lacking };
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    const { code, detail } = error;
    const [zh, en] = [sentence('zh', 'reason', code, detail), sentence('en', 'reason', code, detail)];
    process.stderr.write(`kezheng: ${printable(`${code}：${zh} / ${en}`)}（--since, --until）\n`);
    return undefined;
  }
}

async function blocksOf(
  store: Installation['store'],
  { chainName }: Installation,
): Promise<readonly HeaderBlock[]> {
  const blocks: HeaderBlock[] = [];
  for (const log of await store.logs()) {
    const chain = chainName(log) ?? `EVM ${log.chainId}`;
    for (let from = 0; ; ) {
      const page = await store.anchorsOfLog(log, from, PAGE);
      blocks.push(...page.flatMap((anchor) => blockOf(anchor, chain)));
      if (page.length < PAGE) break;
      from = page.at(-1)!.index + 1;
    }
  }
  return blocks;
}

/** Only what is final: another block may still come to be in its place. */
function blockOf({ state, log, blockNumber, blockHash, blockTime }: Anchor, chain: string): HeaderBlock[] {
  if (state !== 'final' || blockNumber === undefined || blockHash === undefined || blockTime === undefined)
    return [];
  const { chainId, genesisHash } = log;
  const time = new Date(blockTime * 1_000).toISOString();
  return [{ chain, chainId, genesisHash, number: blockNumber, hash: blockHash, time }];
}

/** The operator's own token, and one of each outside authority that answers well. */
async function stampAll(
  stamped: Uint8Array,
  { issuer, tokenChain, own, authorities }: Installation,
  tools: HeadersTools,
) {
  const certificates = [...issuer.x5c, ...tokenChain].map(parseCertificate);
  const trust: Trust = {
    name: issuer.name,
    logs: [],
    issuers: [{ name: issuer.name, certificates }],
    authorities: authorities.map(({ label, policies, roots }) => ({
      label,
      policies,
      roots: roots.map(parseCertificate),
    })),
  };
  const outside = tools.outside();
  const itself: Outside = { ...outside, transport: own };
  const asked = [
    { url: '', by: itself, name: issuer.name },
    ...authorities.map(({ url, label }) => ({ url, by: outside, name: label })),
  ];
  const tokens: HeadersToken[] = [];
  const { signatures, nowMs } = tools;
  try {
    for (const { url, by, name } of asked) {
      try {
        const digest = sha256(stamped);
        tokens.push(await askStamp(by, { url, algorithm: 'sha256', digest, trust, signatures, nowMs }));
      } catch (error) {
        process.stderr.write(`kezheng: ${printable(name)}：${whyNoStamp(error)}\n`);
      }
    }
  } finally {
    outside.close();
  }
  return { tokens, lacking: asked.length - tokens.length };
}

const digestLine = (bytes: Uint8Array): string =>
  `SHA-256: ${createHash('sha256').update(bytes).digest('hex')}\n`;

function writtenText(path: string, bytes: Uint8Array): string {
  const { blocks, tokens } = parseHeaders(bytes);
  return `已写入 written: ${printable(path)}\n区块 blocks: ${blocks.length}, 时间戳 tokens: ${tokens.length}\n${digestLine(bytes)}`;
}

/** For paper: a deed names the file by its SHA-256, and whoever has the deed alone still has each hash. */
function tableText(path: string, bytes: Uint8Array): string {
  const { name, issuedAt, blocks } = parseHeaders(bytes);
  return [
    '可证 锚定区块清单 / kezheng list of anchor blocks',
    `文件 file: ${printable(path)}`,
    digestLine(bytes).trimEnd(),
    `签发者 issuer: ${printable(name)}, ${issuedAt}`,
    '链号 chain id | 区块 block | 时间 time (UTC) | 区块哈希 block hash | 链 chain | 创世区块 genesis block',
    ...blocks.map((block) =>
      [block.chainId, block.number, block.time, block.hash, printable(block.chain), block.genesisHash].join(
        ' | ',
      ),
    ),
    `共 ${blocks.length} 个区块 / ${blocks.length} blocks`,
    '',
  ].join('\n');
}
