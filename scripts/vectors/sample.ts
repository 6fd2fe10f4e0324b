import { buildCertificate } from '../../server/core/certificate/build.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { sm3 } from '../../server/core/hash/sm3.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import { concat, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject } from '../../server/core/read/json.ts';
import { buildTree, leafHash, proofOffsets, rootOf } from '../../server/core/tree/tree.ts';
import {
  appendedLog,
  type BlockOptions,
  CHAIN_ID,
  CONTRACT,
  type LogItem,
  type MadeAnchor,
  makeAnchor,
  makeReceipt,
  makeTransaction,
  type TransactionOptions,
} from './block.ts';
import { operatorKey, type SigningKey, signingKey } from './keys.ts';
import { makeCertificate } from './x509.ts';

/*
 * A certificate from its parts up, each of which can be replaced: the good ones and, with one part at a time made
 * wrong, the damaged ones.
 */

const rootKey = signingKey('root');
export const issuerKey = signingKey('issuer');
export const operator = operatorKey('operator');
export const otherOperator = operatorKey('another operator');

const ROOT_NAME = 'kezheng test root';
const validity = { notBefore: '260101000000', notAfter: '360101000000' } as const;

export const rootCertificate = makeCertificate({
  subject: ROOT_NAME,
  issuer: ROOT_NAME,
  key: rootKey,
  signer: rootKey,
  serial: 1,
  ca: true,
  ...validity,
});
export const issuerCertificate = makeCertificate({
  subject: 'kezheng test issuer',
  issuer: ROOT_NAME,
  key: issuerKey,
  signer: rootKey,
  serial: 2,
  ca: false,
  ...validity,
});
export const expiredCertificate = makeCertificate({
  subject: 'kezheng test issuer',
  issuer: ROOT_NAME,
  key: issuerKey,
  signer: rootKey,
  serial: 3,
  ca: false,
  notBefore: '250101000000',
  notAfter: '250201000000',
});
export const strangerKey = signingKey('stranger');
export const strangerCertificate = makeCertificate({
  subject: 'stranger',
  issuer: 'stranger',
  key: strangerKey,
  signer: strangerKey,
  serial: 4,
  ca: false,
  ...validity,
});

export const GENESIS = `0x${'ab'.repeat(32)}`;

export const trustList = (changes: Readonly<Record<string, Json>> = {}): JsonObject => ({
  format: 'kezheng-trust/1',
  name: 'trust list of the test vectors',
  logs: [
    {
      chain: 'test vector chain',
      chainId: CHAIN_ID,
      contract: CONTRACT,
      genesisHash: GENESIS,
      operator: operator.address,
      runBy: 'nobody',
      test: true,
    },
  ],
  authorities: [],
  issuers: [{ name: 'kezheng test', certificates: [encodeBase64(rootCertificate)] }],
  ...changes,
});

/** Contents of the files that vectors are about. */
export const FILES: Readonly<Record<string, Uint8Array>> = {
  'photo.jpg': utf8('not really a photograph, but bytes are bytes\n'),
  '清单 𠮷.txt': utf8('商品名称：示例\r\n价格：¥199\r\n'),
  'empty.bin': new Uint8Array(),
};

export const fileMember = (name: string, changes: Readonly<Record<string, Json>> = {}): JsonObject => {
  const bytes = FILES[name]!;
  return {
    digests: 'computed',
    mediaType: 'application/octet-stream',
    name,
    role: 'evidence',
    sha256: toHex(sha256(bytes)),
    size: bytes.length,
    sm3: toHex(sm3(bytes)),
    ...changes,
  };
};

export const manifestOf = (
  files: readonly JsonObject[],
  changes: Readonly<Record<string, Json>> = {},
): JsonObject => ({
  clock: 'unchecked',
  depositor: { id: '019ab1c0-0000-7000-8000-000000000001', name: '示范权利人甲有限公司', uscc: null },
  evidence: {
    accused: { name: '某某商贸', shop: '示例店铺', url: 'https://shop.example/item/1', uscc: null },
    capturedBy: null,
    capturedFrom: '2026-11-22T06:58:00.000Z',
    capturedTo: '2026-11-22T06:59:30.500Z',
    category: 'webpage',
    confidentiality: 'none',
    corroborations: [{ kind: '订单号', reference: '20261122-0001' }],
    description: '第一行\n第二行 "引号" \\ 反斜杠 😀 \u0001',
    origin: {
      environment: null,
      grade: 'unverified-upload',
      method: '浏览器截图',
      place: null,
      source: 'https://shop.example/item/1',
      statement: null,
      tool: null,
    },
    right: { holder: '示范权利人甲有限公司', number: 'ZL202630000001.X', type: '外观设计专利' },
    title: '涉嫌侵权商品页面',
  },
  files,
  folder: null,
  format: 'kezheng-manifest/1',
  id: '019ab1c2-0000-7000-8000-000000000002',
  receivedAt: '2026-11-22T07:00:00.000Z',
  salt: '00112233445566778899aabbccddeeff',
  service: 'kezheng test',
  statement: null,
  ...changes,
});

export const leafOf = (entry: JsonObject): Uint8Array => leafHash(utf8(canonicalize(entry)));

/** Leaves of others in the same batch. */
const strangerLeaf = (i: number): Uint8Array => leafHash(utf8(`somebody else's entry ${i}`));

export interface MadeTree {
  readonly root: Uint8Array;
  readonly size: number;
  readonly step: JsonObject;
}

/** The entry among strangers' entries. */
export function makeTree(
  entry: JsonObject,
  index: number,
  size: number,
  type: 'batch' | 'folder' = 'batch',
): MadeTree {
  const leaves = Array.from({ length: size }, (_, i) => (i === index ? leafOf(entry) : strangerLeaf(i)));
  const nodes = buildTree(concat(...leaves));
  const hashes = proofOffsets(index, size).map((offset) => toHex(nodes.slice(offset, offset + 32)));
  return { root: rootOf(nodes), size, step: { hashes, index, size, type } };
}

export interface SampleOptions {
  readonly entry?: JsonObject;
  readonly index?: number;
  readonly size?: number;
  /** in place of the tree of entry, index and size */
  readonly tree?: MadeTree;
  readonly inclusion?: readonly JsonObject[];
  readonly logIndex?: number;
  readonly transaction?: TransactionOptions;
  readonly transactionBy?: typeof operator;
  /** logs of the receipt; by default the one event */
  readonly logs?: (event: LogItem) => readonly LogItem[];
  readonly receiptStatus?: Uint8Array;
  readonly receiptType?: number;
  readonly block?: BlockOptions;
  readonly anchor?: (made: MadeAnchor) => JsonObject;
  readonly anchors?: (anchor: JsonObject) => readonly JsonObject[];
  readonly tokens?: readonly JsonObject[];
  readonly revision?: number;
  readonly issuedAt?: string;
  readonly x5c?: readonly Uint8Array[];
  readonly sign?: SigningKey['sign'];
  readonly stated?: readonly { name: string; value: string }[];
}

export interface Sample {
  readonly bytes: Uint8Array;
  readonly blockHash: string;
  readonly blockNumber: number;
}

export async function makeSample(options: SampleOptions = {}): Promise<Sample> {
  const entry = options.entry ?? manifestOf([fileMember('photo.jpg')]);
  const tree = options.tree ?? makeTree(entry, options.index ?? 2, options.size ?? 5);
  const append = { index: options.logIndex ?? 7, root: tree.root, size: tree.size };
  const by = options.transactionBy ?? operator;
  const transaction = makeTransaction(by, append, options.transaction);
  const event = appendedLog(by.address, append);
  const type = options.receiptType ?? options.transaction?.type ?? 2;
  const receipt = makeReceipt(type, options.logs?.(event) ?? [event], options.receiptStatus);
  const made = makeAnchor(transaction, receipt, options.block);
  const anchor = options.anchor?.(made) ?? made.json;
  const bytes = await buildCertificate(
    {
      year: 2026,
      serial: 1,
      revision: options.revision ?? 1,
      issuedAt: options.issuedAt ?? '2026-11-22T07:00:09.412Z',
      entry,
      inclusion: options.inclusion ?? [tree.step],
      anchors: options.anchors?.(anchor) ?? [anchor],
      tokens: options.tokens ?? [],
      stated: options.stated ?? [{ name: 'provider', value: 'kezheng test' }],
    },
    options.x5c ?? [issuerCertificate],
    async (input) => (options.sign ?? issuerKey.sign)(input),
  );
  return { bytes, blockHash: made.blockHash, blockNumber: made.number };
}
