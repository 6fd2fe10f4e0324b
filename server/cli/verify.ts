import { open } from 'node:fs/promises';
import process from 'node:process';
import type { CaseContents } from '../core/container/case-package.ts';
import {
  type Opened,
  type OpenedCase,
  type OpenPackage,
  openGiven,
  type Source,
} from '../core/container/open.ts';
import { MAX_CONTENT_BYTES } from '../core/entry/event-content.ts';
import { sha256 } from '../core/hash/sha256.ts';
import { toHex } from '../core/read/bytes.ts';
import { FormatError } from '../core/reason.ts';
import { MAX_RENEWAL_BYTES, MAX_RENEWALS } from '../core/renewal/renewal.ts';
import type { GivenFile } from '../core/verify/files.ts';
import type { SignatureVerifier } from '../core/verify/signatures.ts';
import { blocksToCompare, verifyCertificate } from '../core/verify/verify.ts';
import { presentReport } from '../messages/report.ts';
import { sentence } from '../messages/sentence.ts';
import { blocksListed, checkAddress, confirmationsGiven } from './block-sources.ts';
import { hashFile, hashStream } from './hash-file.ts';
import { hintsFor, hintsOfHeaders } from './hints.ts';
import { MAX_PEM_BYTES, readSmall, unreadable } from './read-small.ts';
import { briefText, jsonText, reportText } from './report-text.ts';
import { blocksFromNode, type NodeAnswer } from './rpc.ts';
import { sourceOf } from './source.ts';
import { readTrusts } from './trust.ts';
import { EXIT, parse, UsageError, userPath } from './usage.ts';
import { verifyCaseCommand } from './verify-case.ts';

/** Checks a certificate with nothing but what is on this machine; only --rpc asks anybody anything. */
export async function verifyCommand(
  args: readonly string[],
  signatures: SignatureVerifier,
  openPackage: OpenPackage,
): Promise<number> {
  const { values, positionals } = parse(args, {
    trust: { type: 'string', multiple: true },
    renewal: { type: 'string', multiple: true },
    rpc: { type: 'string' },
    'block-hash': { type: 'string', multiple: true },
    content: { type: 'string' },
    head: { type: 'string', multiple: true },
    'depositor-key': { type: 'string', multiple: true },
    confirmations: { type: 'string' },
    json: { type: 'boolean' },
    brief: { type: 'boolean' },
  });
  const [certificatePath, ...filePaths] = positionals;
  if (certificatePath === undefined) throw new UsageError('缺少证书文件 / the certificate is missing');
  if (values.rpc !== undefined && values['block-hash'] !== undefined)
    throw new UsageError('--rpc 与 --block-hash 只能取其一 / give --rpc or --block-hash, not both');
  if (values.json && values.brief)
    throw new UsageError('--json 与 --brief 只能取其一 / give --json or --brief, not both');
  const { trust, headers } = await readTrusts(values.trust ?? [], signatures);
  const renewals = await readRenewals(values.renewal ?? []);
  const depositorKeys = await Promise.all((values['depositor-key'] ?? []).map(depositorKey));
  const blocksOf = (certificates: readonly Uint8Array[]) => blocksFrom(certificates, values, headers);
  const opened = await openFile(certificatePath, openPackage);
  if ('case' in opened) {
    if (filePaths.length + renewals.length + depositorKeys.length > 0 || values.content !== undefined)
      throw new UsageError(
        '案卷包只能与 --trust、--head 及区块来源一并核验 / the package of a case is checked with --trust, --head and sources of blocks alone',
      );
    const options = { heads: values.head ?? [], trust, signatures, blocksOf, output: values };
    return verifyCaseCommand(opened.case, options);
  }
  if (values.head !== undefined)
    throw new UsageError('--head 只用于案卷包 / --head is for the package of a case');
  const { certificate, pdf, files } = opened;
  for (const path of filePaths) files.push(await hashFile(path));
  const content =
    values.content === undefined ? undefined : await readSmall(values.content, MAX_CONTENT_BYTES + 1);
  const { blocks, trouble } = await blocksOf([certificate]);
  const given = { certificate, pdf, files, content, trust, blocks, renewals, depositorKeys };
  const report = await verifyCertificate({ ...given, signatures });
  const presented = presentReport(report);
  const hints = [...hintsFor(report, certificate, files, trouble), ...hintsOfHeaders(headers)];
  if (values.json) process.stdout.write(jsonText(hints.length > 0 ? { ...presented, hints } : presented));
  else process.stdout.write((values.brief ? briefText : reportText)(presented, hints));
  return EXIT[report.verdict];
}

interface BlockSources {
  readonly rpc?: string;
  readonly 'block-hash'?: readonly string[];
  readonly confirmations?: string;
}

/** What the sources that were named say of the blocks of these certificates. */
async function blocksFrom(
  certificates: readonly Uint8Array[],
  sources: BlockSources,
  headers: Awaited<ReturnType<typeof readTrusts>>['headers'],
): Promise<NodeAnswer> {
  const all = certificates.flatMap(blocksToCompare);
  // Many events share a batch, and so a block.
  const wanted = [...new Map(all.map((one) => [JSON.stringify(one), one])).values()];
  const { blocks: told, trouble } = await askedBlocks(wanted, sources);
  return { blocks: [...told, ...blocksListed(headers, wanted)], trouble };
}

async function askedBlocks(
  wanted: ReturnType<typeof blocksToCompare>,
  { rpc, 'block-hash': hashes = [], confirmations }: BlockSources,
): Promise<NodeAnswer> {
  const count = confirmationsGiven(confirmations);
  const given = hashes.map((hash) => ({ source: '--block-hash', hash: blockHash(hash) }));
  if (rpc === undefined) return { blocks: given, trouble: undefined };
  checkAddress(rpc);
  // A certificate that names no block gives nothing to ask.
  return wanted.length === 0 ? { blocks: [], trouble: undefined } : blocksFromNode(rpc, wanted, count);
}

function blockHash(text: string): string {
  const hash = text.toLowerCase();
  if (!/^0x[0-9a-f]{64}$/.test(hash))
    throw new UsageError('--block-hash 应为 0x 加 64 位十六进制 / is 0x and 64 hex digits');
  return hash;
}

const PUBLIC_KEY = /-----BEGIN PUBLIC KEY-----([A-Za-z0-9+/=\s]+)-----END PUBLIC KEY-----/;

/** A public key in a file (PEM), or its SHA-256 as reports and papers print it. */
async function depositorKey(given: string): Promise<string> {
  const fingerprint = given.replaceAll(/[\s:]/g, '').toLowerCase();
  if (/^[0-9a-f]{64}$/.test(fingerprint)) return fingerprint;
  const pem = Buffer.from(await readSmall(given, MAX_PEM_BYTES)).toString('latin1');
  const base64 = PUBLIC_KEY.exec(pem)?.[1];
  if (base64 === undefined)
    throw new UsageError(
      `--depositor-key ${given} 应为公钥文件（PEM）或其 SHA-256 / is a public key (PEM) or its SHA-256`,
    );
  return toHex(sha256(Buffer.from(base64, 'base64')));
}

async function readRenewals(paths: readonly string[]): Promise<readonly Uint8Array[]> {
  if (paths.length > MAX_RENEWALS)
    throw new UsageError(`--renewal 最多 ${MAX_RENEWALS} 个 / at most ${MAX_RENEWALS}`);
  const renewals: Uint8Array[] = [];
  for (const path of paths) renewals.push(await readSmall(path, MAX_RENEWAL_BYTES + 1));
  return renewals;
}

/** On a machine of one's own whatever fits into a package may come out of it. */
const MAX_UNPACKED_BYTES = Number.MAX_SAFE_INTEGER;

type OpenedFile = Pick<Opened, 'certificate' | 'pdf'> & { readonly files: GivenFile[] };

/** A certificate, a PDF that holds one, the package of a case, or a package, whose originals count as files that were given. */
async function openFile(
  path: string,
  openPackage: OpenPackage,
): Promise<OpenedFile | { readonly case: CaseContents }> {
  try {
    const file = await open(userPath(path), 'r');
    try {
      const source = await sourceOf(file);
      await refuseIndex(path, source);
      const opened: Opened | OpenedCase = await openGiven(source, openPackage, MAX_UNPACKED_BYTES);
      if ('readCase' in opened) return { case: await opened.readCase() };
      const { certificate, pdf, originals } = opened;
      const files: GivenFile[] = [];
      for (const original of originals)
        files.push({ name: original.name, ...(await hashStream(original.unpack())) });
      return { certificate, pdf, files };
    } finally {
      await file.close();
    }
  } catch (error) {
    if (error instanceof FormatError) throw refusedPath(path, error);
    throw unreadable(path, error);
  }
}

/** What a depositor keeps of a folder begins with its name; nothing that is checked here does. */
async function refuseIndex(path: string, source: Source): Promise<void> {
  const start = await source.read(0, INDEX_START.length);
  if (Buffer.from(start).toString('latin1') === INDEX_START)
    throw new UsageError(
      `${path} 是文件夹的索引，不是证书：请先由它生成单个文件的证书（kezheng cut） / is the index of a folder and no certificate: cut a file’s certificate out of it first (kezheng cut)`,
    );
}

const INDEX_START = '{"folder":"';

const refusedPath = (path: string, { code, detail }: FormatError): UsageError =>
  new UsageError(
    `${path}: ${sentence('zh', 'reason', code, detail)} / ${sentence('en', 'reason', code, detail)}`,
  );
