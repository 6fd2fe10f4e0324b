import { encodeAppend } from '../../server/core/anchor/evidence-log.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { sm3 } from '../../server/core/hash/sm3.ts';
import { encodeBase64, encodeBase64Url } from '../../server/core/read/base64.ts';
import { concat, fromHex, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject, parseJson } from '../../server/core/read/json.ts';
import { decodeRlp, encodeRlp, type RlpItem } from '../../server/core/read/rlp.ts';
import type { CheckId, Verdict } from '../../server/core/verify/report.ts';
import { appendedLog, CHAIN_ID, otherLog, uint } from './block.ts';
import {
  expiredCertificate,
  FILES,
  fileMember,
  GENESIS,
  issuerCertificate,
  issuerKey,
  makeSample,
  makeTree,
  manifestOf,
  operator,
  otherOperator,
  rootCertificate,
  type Sample,
  type SampleOptions,
  strangerCertificate,
  strangerKey,
  trustList,
} from './sample.ts';

/** A file of `files/`, or digests only. */
export type GivenCase =
  | { readonly file: string }
  | { readonly sha256: string; readonly sm3?: string; readonly size?: number; readonly name?: string };

export interface BlockCase {
  readonly source: string;
  readonly chainId?: number;
  readonly genesisHash?: string;
  readonly number?: number;
  readonly hash?: string;
}

export interface VectorCase {
  readonly name: string;
  readonly certificate: Uint8Array;
  readonly files: readonly GivenCase[];
  readonly trust: JsonObject | undefined;
  readonly blocks: readonly BlockCase[];
  /** SHA-256 of the keys that the reader knows to be the depositor's */
  readonly depositorKeys?: readonly string[];
  /** what this vector is for; the whole report is worked out and written beside it */
  readonly expect: { readonly verdict: Verdict; readonly failed: readonly CheckId[] };
}

export const PHOTO: readonly GivenCase[] = [{ file: 'photo.jpg' }];

/** What a node of one's own says when all is well. */
export const ourNode = (sample: Sample): BlockCase => ({
  source: 'own node',
  chainId: CHAIN_ID,
  genesisHash: GENESIS,
  number: sample.blockNumber,
  hash: sample.blockHash,
});

export interface CaseOptions extends SampleOptions {
  readonly files?: readonly GivenCase[];
  readonly trust?: JsonObject | null;
  readonly blocks?: (sample: Sample) => readonly BlockCase[];
  readonly depositorKeys?: readonly string[];
  /** a damage done to the finished bytes */
  readonly damage?: (bytes: Uint8Array) => Uint8Array;
}

export async function vector(
  name: string,
  verdict: Verdict,
  failed: readonly CheckId[],
  options: CaseOptions = {},
): Promise<VectorCase> {
  const sample = await makeSample(options);
  return {
    name,
    certificate: options.damage?.(sample.bytes) ?? sample.bytes,
    files: options.files ?? PHOTO,
    trust: options.trust === null ? undefined : (options.trust ?? trustList()),
    blocks: options.blocks?.(sample) ?? [ourNode(sample)],
    ...(options.depositorKeys && { depositorKeys: options.depositorKeys }),
    expect: { verdict, failed },
  };
}

const good = (name: string, options?: CaseOptions) => vector(name, 'valid', [], options);
const open = (name: string, options?: CaseOptions) => vector(name, 'incomplete', [], options);
const bad = (name: string, failed: readonly CheckId[], options?: CaseOptions) =>
  vector(name, 'invalid', failed, options);

const supplied = (name: string, changes: object = {}): GivenCase => ({
  sha256: toHex(sha256(FILES[name]!)),
  sm3: toHex(sm3(FILES[name]!)),
  size: FILES[name]!.length,
  name,
  ...changes,
});

const three = manifestOf(['photo.jpg', '清单 𠮷.txt', 'empty.bin'].map((name) => fileMember(name)));
const declared = manifestOf([fileMember('photo.jpg', { digests: 'declared', sm3: null, mediaType: null })]);

export function folderSample(
  changes: { readonly size?: number; readonly entry?: Readonly<Record<string, Json>> } = {},
): CaseOptions {
  const bytes = FILES['photo.jpg']!;
  const entry: JsonObject = {
    format: 'kezheng-file/1',
    name: '2026/photo.jpg',
    salt: 'ffeeddccbbaa99887766554433221100',
    sha256: toHex(sha256(bytes)),
    size: bytes.length,
    sm3: toHex(sm3(bytes)),
    ...changes.entry,
  };
  const local = makeTree(entry, 3, 9, 'folder');
  const outer = manifestOf([], { folder: { root: toHex(local.root), size: changes.size ?? 9 } });
  const tree = makeTree(outer, 0, 3);
  return { entry, tree, inclusion: [{ ...local.step, manifest: outer }, tree.step] };
}

/** The anchor of another sample: the same root in a block of its own. */
async function secondAnchor(
  options: SampleOptions,
): Promise<{ readonly json: JsonObject; readonly sample: Sample }> {
  const sample = await makeSample(options);
  const [json] = (parseJson(sample.bytes) as { readonly anchors: readonly JsonObject[] }).anchors;
  return { json: json!, sample };
}

const LATER = 1_795_334_400;
const EARLIER = 1_795_327_200;

/** Two anchors of one entry; `second` makes the other, `blocks` is what is said of both. */
async function twoAnchors(
  name: string,
  second: SampleOptions,
  verdict: Verdict,
  options: Omit<CaseOptions, 'blocks'> & {
    readonly failed?: readonly CheckId[];
    readonly said: (first: Sample, second: Sample) => readonly BlockCase[];
  },
): Promise<VectorCase> {
  const other = await secondAnchor(second);
  return vector(name, verdict, options.failed ?? [], {
    ...options,
    anchors: (anchor) => [anchor, other.json],
    blocks: (first) => options.said(first, other.sample),
  });
}

const otherLog4243 = (test: boolean): JsonObject => ({
  ...((trustList()['logs'] as readonly JsonObject[])[0] as JsonObject),
  chainId: 4243,
  chain: 'another chain',
  test,
});

const saidOf = (sample: Sample, chainId = CHAIN_ID): BlockCase => ({ ...ourNode(sample), chainId });

function twoAnchorCases(): Promise<VectorCase>[] {
  const twoLogs = (test: boolean) =>
    trustList({ logs: [...(trustList()['logs'] as readonly Json[]), otherLog4243(test)] });
  const later: SampleOptions = { block: { number: 2_000, timestamp: LATER }, logIndex: 9 };
  const elsewhere: SampleOptions = { ...later, transaction: { chainId: 4243 } };
  const byHand = (hash: string): BlockCase => ({ source: 'by hand', hash });
  return [
    twoAnchors('two anchors in two blocks', later, 'valid', { said: (a, b) => [ourNode(a), ourNode(b)] }),
    twoAnchors(
      'two anchors, the second in the earlier block: the earlier one counts',
      { ...later, block: { number: 900, timestamp: EARLIER } },
      'valid',
      { said: (a, b) => [ourNode(a), ourNode(b)] },
    ),
    twoAnchors('two anchors, the later one compared', later, 'valid', { said: (_, b) => [ourNode(b)] }),
    twoAnchors('two anchors, the hash of one by hand', later, 'valid', {
      said: (a) => [byHand(a.blockHash)],
    }),
    twoAnchors('two anchors, both hashes by hand', later, 'valid', {
      said: (a, b) => [byHand(a.blockHash), byHand(b.blockHash)],
    }),
    twoAnchors('two anchors, a hash by hand that is neither', later, 'invalid', {
      said: () => [byHand(`0x${'00'.repeat(32)}`)],
      failed: ['block'],
    }),
    twoAnchors('two anchors, one in a log that the list does not know', elsewhere, 'valid', {
      said: (a, b) => [saidOf(a), saidOf(b, 4243)],
    }),
    twoAnchors('a test chain’s anchor proven, an earnest one not compared', elsewhere, 'valid', {
      trust: twoLogs(false),
      said: (a) => [saidOf(a)],
    }),
    twoAnchors(
      'an earlier test chain’s anchor beside an earnest one: the earnest one counts',
      elsewhere,
      'valid',
      {
        trust: twoLogs(false),
        said: (a, b) => [saidOf(a), saidOf(b, 4243)],
      },
    ),
    twoAnchors('an anchor on an earnest chain, nothing compared', elsewhere, 'incomplete', {
      trust: twoLogs(false),
      said: () => [],
    }),
  ];
}

export function goodCases(): Promise<VectorCase>[] {
  return [
    ...twoAnchorCases(),
    good('one file in a batch of five'),
    good('alone in its batch', { index: 0, size: 1 }),
    good('the last of a batch that is no power of two', { index: 4, size: 5 }),
    good('three files, one of them empty', {
      entry: three,
      files: Object.keys(FILES).map((file) => ({ file })),
    }),
    good('the same file given twice', { files: [...PHOTO, ...PHOTO] }),
    good('digests supplied in place of bytes', { files: [supplied('photo.jpg')] }),
    good('only SHA-256 supplied', { files: [{ sha256: toHex(sha256(FILES['photo.jpg']!)) }] }),
    good('SM3 supplied for some files only', {
      entry: three,
      files: [{ file: 'photo.jpg' }, { file: 'empty.bin' }, { sha256: toHex(sha256(FILES['清单 𠮷.txt']!)) }],
    }),
    good('declared digests without SM3', { entry: declared }),
    good('a file of a folder', folderSample()),
    good('a legacy transaction with EIP-155', { transaction: { type: 0 } }),
    good('a transaction with an access list', { transaction: { type: 1 } }),
    good('the last of many transactions in its block', { block: { before: 299 } }),
    good('between other transactions', { block: { before: 127, after: 40 } }),
    good('our event is the second log of its receipt', {
      logs: (event) => [otherLog(), event, otherLog()],
      block: { logPosition: 1 },
    }),
    good('a header of fifteen items', { block: { later: [] } }),
    good('a header with items of later forks', {
      block: {
        later: [uint(7), new Uint8Array(32), uint(0), uint(0), new Uint8Array(32), new Uint8Array(32)],
      },
    }),
    good('a signing certificate with its intermediate in x5c', { x5c: [issuerCertificate, rootCertificate] }),
    good('the signing certificate itself in the trust list', {
      trust: trustList({ issuers: [{ name: 'direct', certificates: [encodeBase64(issuerCertificate)] }] }),
    }),
    good('a token of an unknown type beside it', {
      tokens: [{ type: 'rfc3161/9', content: 'AAAA', depth: { any: [1] } }],
    }),
    good('an anchor of an unknown type beside a known one', {
      anchors: (anchor) => [{ type: 'bitcoin-header/1', header: '00' }, anchor],
    }),
    good('a statement of an unknown format', {
      entry: manifestOf([fileMember('photo.jpg')], {
        statement: { format: 'kezheng-statement/9', any: 'thing' },
      }),
    }),
    good('a later revision', { revision: 2 }),
    good('a block hash given by hand', { blocks: (s) => [{ source: 'by hand', hash: s.blockHash }] }),
  ];
}

export function openCases(): Promise<VectorCase>[] {
  return [
    open('no trust list', { trust: null }),
    open('no source for the block hash', { blocks: () => [] }),
    open('no file given', { files: [] }),
    open('one of three files given', { entry: three }),
    open('a source of another chain', { blocks: (s) => [{ ...ourNode(s), chainId: 1 }] }),
    open('a source of another genesis block with the same chain id', {
      blocks: (s) => [{ ...ourNode(s), genesisHash: `0x${'cd'.repeat(32)}`, hash: `0x${'00'.repeat(32)}` }],
    }),
    open('a source whose block is not final', {
      blocks: (s) => [{ source: 'own node', chainId: CHAIN_ID, genesisHash: GENESIS, number: s.blockNumber }],
    }),
    open('a source that speaks of another block', { blocks: (s) => [{ ...ourNode(s), number: 1 }] }),
    open('an entry of an unknown format', {
      entry: { format: 'kezheng-event/1', anything: [1, 'two', null] },
    }),
    open('no anchor', { anchors: () => [] }),
    open('only an anchor of an unknown type', { anchors: () => [{ type: 'bitcoin-header/1' }] }),
    open('a whole folder', {
      entry: manifestOf([], { folder: { root: '00'.repeat(32), size: 9 } }),
      files: [],
    }),
  ];
}

/** Any change of the finished text breaks the signature; so these are signed anew by the issuer, wrong as they are. */
export function damagedCases(): Promise<VectorCase>[] {
  return [...fileDamages(), ...treeDamages(), ...issuerDamages(), ...anchorDamages(), ...formatDamages()];
}

function fileDamages(): Promise<VectorCase>[] {
  return [
    bad('a file that is not in the entry', ['files'], { files: [{ file: '清单 𠮷.txt' }] }),
    bad('a foreign file beside the right one', ['files'], { files: [...PHOTO, { file: 'empty.bin' }] }),
    bad('a supplied size that differs', ['digests'], { files: [supplied('photo.jpg', { size: 1 })] }),
    bad('a supplied SM3 that differs', ['sm3'], { files: [supplied('photo.jpg', { sm3: '00'.repeat(32) })] }),
    bad('an entry with the SM3 of another file', ['sm3'], {
      entry: manifestOf([fileMember('photo.jpg', { sm3: toHex(sm3(FILES['empty.bin']!)) })]),
    }),
    bad('an entry with a wrong size', ['digests'], {
      entry: manifestOf([fileMember('photo.jpg', { size: 46 })]),
    }),
  ];
}

function treeDamages(): Promise<VectorCase>[] {
  const tree = makeTree(manifestOf([fileMember('photo.jpg')]), 2, 5);
  const step = (changes: Readonly<Record<string, Json>>) => ({
    tree,
    inclusion: [{ ...tree.step, ...changes }],
  });
  const hashes = tree.step['hashes'] as readonly string[];
  const other = manifestOf([fileMember('photo.jpg')], { salt: '01112233445566778899aabbccddeeff' });
  return [
    bad('a path hash changed', ['inclusion'], step({ hashes: ['00'.repeat(32), ...hashes.slice(1)] })),
    bad('a path hash missing', ['inclusion'], step({ hashes: hashes.slice(1) })),
    bad('a surplus path hash', ['inclusion'], step({ hashes: [...hashes, '00'.repeat(32)] })),
    bad('path hashes in another order', ['inclusion'], step({ hashes: hashes.toReversed() })),
    bad('an index that is off by one', ['inclusion'], step({ index: 3 })),
    bad('an index behind the end', ['inclusion'], step({ index: 5 })),
    bad('a tree size that is not the anchored one', ['inclusion'], step({ size: 6 })),
    bad('an entry that is not the one in the tree', ['inclusion'], { tree, entry: other }),
    bad('a folder whose size is not the promised one', ['inclusion'], folderSample({ size: 8 })),
    ...folderDamages(),
  ];
}

/** None of it is signed by the issuer: the tree alone holds a file in its folder. */
function folderDamages(): Promise<VectorCase>[] {
  const sample = folderSample();
  const [folder, batch] = sample.inclusion as readonly JsonObject[];
  const hashes = folder!['hashes'] as readonly string[];
  const step = (changes: Readonly<Record<string, Json>>): CaseOptions => ({
    ...sample,
    inclusion: [{ ...folder!, ...changes }, batch!],
  });
  return [
    bad('a file that is not in its folder', ['inclusion'], {
      ...sample,
      entry: { ...sample.entry, name: '2026/other.jpg' },
    }),
    bad('a file at another place of its folder', ['inclusion'], step({ index: 2 })),
    bad(
      'a path hash of the folder changed',
      ['inclusion'],
      step({ hashes: ['00'.repeat(32), ...hashes.slice(1)] }),
    ),
    bad('a path hash of the folder missing', ['inclusion'], step({ hashes: hashes.slice(1) })),
    bad('a surplus path hash of the folder', ['inclusion'], step({ hashes: [...hashes, '00'.repeat(32)] })),
    bad('a file of a folder, signed by a stranger', ['signature'], { ...sample, sign: strangerKey.sign }),
  ];
}

function issuerDamages(): Promise<VectorCase>[] {
  return [
    bad('signed by a stranger', ['issuer'], { x5c: [strangerCertificate], sign: strangerKey.sign }),
    bad('signed by a stranger under the issuer’s certificate', ['signature'], { sign: strangerKey.sign }),
    bad('a signature with a high s', ['signature'], { sign: issuerKey.signHigh }),
    bad('a signature that is too short', ['signature'], { sign: (bytes) => issuerKey.sign(bytes).slice(1) }),
    bad('a signing certificate that had expired', ['issuer'], { x5c: [expiredCertificate] }),
    bad('issued before the certificate was valid', ['issuer'], { issuedAt: '2025-12-31T23:59:59.999Z' }),
    bad('dated back to when a key that has expired was good', ['issuer'], {
      x5c: [expiredCertificate],
      issuedAt: '2025-01-15T00:00:00.000Z',
    }),
    bad('the same certificate twice in x5c', ['issuer'], { x5c: [issuerCertificate, issuerCertificate] }),
    bad('something in x5c that is no certificate', ['signature'], {
      x5c: [issuerCertificate, fromHex('3000')],
    }),
    bad('a surplus certificate in x5c', ['issuer'], { x5c: [issuerCertificate, strangerCertificate] }),
    bad('a trust list without issuers', ['issuer'], { trust: trustList({ issuers: [] }) }),
    bad('a trust list without logs', ['log'], { trust: trustList({ logs: [] }) }),
    bad('x5c in an unprotected place', ['format'], {
      damage: reSpell((c) => ({ ...c, signature: { ...(c['signature'] as JsonObject), header: {} } })),
    }),
    bad('a protected header with one more member', ['signature'], {
      damage: reSpell((c) => ({
        ...c,
        signature: {
          ...(c['signature'] as JsonObject),
          protected: encodeBase64Url(
            utf8(`{"alg":"ES256","kid":"1","x5c":["${encodeBase64(issuerCertificate)}"]}`),
          ),
        },
      })),
    }),
    bad('a field changed after signing', ['signature'], { damage: reSpell((c) => ({ ...c, revision: 9 })) }),
  ];
}

const hexOf = (anchor: JsonObject, name: string): Uint8Array => fromHex(anchor[name] as string);

function anchorDamages(): Promise<VectorCase>[] {
  const ours = { index: 7, ...treeOf() };
  const withAnchor = (change: (anchor: JsonObject) => JsonObject): CaseOptions => ({
    anchor: (made) => change(made.json),
  });
  const inHeader = (change: (items: RlpItem[]) => RlpItem[]) =>
    withAnchor((anchor) => {
      const items = [...(decodeRlp(hexOf(anchor, 'header')) as readonly RlpItem[])];
      return { ...anchor, header: toHex(encodeRlp(change(items))) };
    });
  const proof = (
    name: 'transactionProof' | 'receiptProof',
    change: (nodes: readonly string[]) => readonly string[],
  ) => ({
    block: { before: 20 },
    ...withAnchor((anchor) => ({ ...anchor, [name]: change(anchor[name] as readonly string[]) })),
  });
  return [
    bad('another block hash at the reader’s source', ['block'], {
      blocks: (s) => [{ ...ourNode(s), hash: `0x${'00'.repeat(32)}` }],
    }),
    bad('one source confirms, another contradicts', ['block'], {
      blocks: (s) => [ourNode(s), { ...ourNode(s), source: 'explorer', hash: `0x${'00'.repeat(32)}` }],
    }),
    bad('a block hash given by hand that differs', ['block'], {
      blocks: () => [{ source: 'by hand', hash: `0x${'00'.repeat(32)}` }],
    }),
    bad(
      'another block time',
      ['block'],
      inHeader((items) => items.with(11, uint(1_600_000_000))),
    ),
    bad(
      'another transactions root',
      ['transaction'],
      inHeader((items) => items.with(4, new Uint8Array(32))),
    ),
    bad(
      'another receipts root',
      ['receipt'],
      inHeader((items) => items.with(5, new Uint8Array(32))),
    ),
    bad(
      'a header of fourteen items',
      ['header'],
      inHeader((items) => items.slice(0, 14)),
    ),
    bad(
      'a header of 41 items',
      ['header'],
      inHeader((items) => [...items, ...Array.from({ length: 24 }, () => uint(1))]),
    ),
    bad(
      'a header with a number that is not minimal',
      ['header'],
      inHeader((items) => items.with(8, fromHex('0003e8'))),
    ),
    bad(
      'a header beyond the year 9999',
      ['header'],
      inHeader((items) => items.with(11, uint(253_402_300_800))),
    ),
    bad(
      'a header with bytes behind it',
      ['header'],
      withAnchor((a) => ({ ...a, header: `${a['header'] as string}00` })),
    ),
    bad(
      'a header that is no list',
      ['header'],
      withAnchor((a) => ({ ...a, header: '83010203' })),
    ),
    bad(
      'a header cut short',
      ['header'],
      withAnchor((a) => ({ ...a, header: (a['header'] as string).slice(0, -2) })),
    ),
    bad('a transaction of another operator', ['log'], { transactionBy: otherOperator }),
    bad('a transaction for another chain', ['log'], { transaction: { chainId: 4243 }, blocks: () => [] }),
    bad('a transaction to another contract with its own event', ['log'], {
      transaction: { to: `0x${'99'.repeat(20)}` },
      logs: (event) => [{ ...event, address: `0x${'99'.repeat(20)}` }],
    }),
    bad('a transaction without a chain id', ['transaction'], {
      transaction: { type: 0, withoutChainId: true },
    }),
    bad('a transaction of an unknown type', ['transaction'], { transaction: { type: 3 }, receiptType: 2 }),
    bad('a transaction with a high s', ['transaction'], { transaction: { highS: true } }),
    bad('a transaction that moves value', ['transaction'], { transaction: { value: 1 } }),
    bad('calldata with something behind it', ['transaction'], {
      transaction: { calldata: concat(encodeAppend(ours), uint(1)) },
    }),
    bad('calldata of another function', ['transaction'], {
      transaction: { calldata: concat(fromHex('deadbeef'), encodeAppend(ours).slice(4)) },
    }),
    bad('calldata with dirt in its padding', ['transaction'], {
      transaction: { calldata: encodeAppend(ours).with(5, 1) },
    }),
    bad('an anchored batch of size 0', ['transaction'], {
      transaction: { calldata: concat(encodeAppend(ours).slice(0, 68), new Uint8Array(32)) },
    }),
    bad('the wrong transaction index', ['transaction'], {
      block: { before: 20 },
      anchor: (made) => ({ ...made.json, transactionIndex: 19 }),
    }),
    bad(
      'a surplus node in the transaction proof',
      ['transaction'],
      proof('transactionProof', (n) => [...n, n[0]!]),
    ),
    bad(
      'a missing node in the transaction proof',
      ['transaction'],
      proof('transactionProof', (n) => n.slice(0, -1)),
    ),
    bad(
      'nodes of the transaction proof in another order',
      ['transaction'],
      proof('transactionProof', (n) => n.toReversed()),
    ),
    bad(
      'a surplus node in the receipt proof',
      ['receipt'],
      proof('receiptProof', (n) => [...n, n[0]!]),
    ),
    bad(
      'a missing node in the receipt proof',
      ['receipt'],
      proof('receiptProof', (n) => n.slice(0, -1)),
    ),
    bad('the transaction of another place in the block', ['transaction'], {
      block: { before: 20 },
      anchor: (made) => ({
        ...made.json,
        transaction: `${(made.json['transaction'] as string).slice(0, -2)}00`,
      }),
    }),
    bad('a receipt that is not the proven one', ['receipt'], {
      anchor: (made) => ({
        ...made.json,
        receipt: (made.json['receipt'] as string).replace('83015f90', '83015f91'),
      }),
    }),
    bad('a failed transaction', ['receipt'], { receiptStatus: new Uint8Array() }),
    bad('a receipt with a state root in place of a status', ['receipt'], {
      receiptStatus: new Uint8Array(32),
    }),
    bad('a receipt of another type', ['receipt'], { receiptType: 1 }),
    bad('the same event from another contract', ['event'], {
      logs: (event) => [{ ...event, address: `0x${'99'.repeat(20)}` }],
    }),
    bad('the event of another operator', ['event'], {
      logs: () => [appendedLog(otherOperator.address, ours)],
    }),
    bad('the event of another index', ['event'], {
      logs: () => [appendedLog(operator.address, { ...ours, index: 8 })],
    }),
    bad('the event of another root', ['event'], {
      logs: () => [appendedLog(operator.address, { ...ours, root: new Uint8Array(32) })],
    }),
    bad('the event of another size', ['event'], {
      logs: () => [appendedLog(operator.address, { ...ours, size: 6 })],
    }),
    bad('an event with one topic more', ['event'], {
      logs: (event) => [{ ...event, topics: [...event.topics, new Uint8Array(32)] }],
    }),
    bad('an event of another name', ['event'], {
      logs: (event) => [{ ...event, topics: [new Uint8Array(32), ...event.topics.slice(1)] }],
    }),
    bad('a log position that points at another log', ['event'], {
      logs: (event) => [otherLog(), event],
      block: { logPosition: 0 },
    }),
    bad('a log position behind the last log', ['event'], { block: { logPosition: 1 } }),
    bad('a receipt without logs', ['event'], { logs: () => [] }),
    bad('two anchors, one of them of another root', ['inclusion', 'block'], {
      anchors: (anchor) => [
        anchor,
        { ...anchor, header: (anchor['header'] as string).replace('6b657a68656e67', '6b657a68656e68') },
      ],
      tree: { ...makeTree(manifestOf([fileMember('photo.jpg')]), 2, 5), root: new Uint8Array(32) },
    }),
  ];
}

const treeOf = () => {
  const { root, size } = makeTree(manifestOf([fileMember('photo.jpg')]), 2, 5);
  return { root, size };
};

/** The finished certificate with its members changed, in canonical form again and with the old signature. */
const reSpell =
  (change: (certificate: JsonObject) => JsonObject) =>
  (bytes: Uint8Array): Uint8Array =>
    utf8(canonicalize(change(parseJson(bytes) as JsonObject)));

const replace =
  (from: string | RegExp, to: string) =>
  (bytes: Uint8Array): Uint8Array => {
    const text = new TextDecoder().decode(bytes);
    if (text.replace(from, to) === text) throw new Error(`nothing to damage: ${from}`);
    return utf8(text.replace(from, to));
  };

/** Texts that are no kezheng-certificate/1 at all, each signed soundly where that is still possible. */
function formatDamages(): Promise<VectorCase>[] {
  const entry = (changes: Readonly<Record<string, Json>>) => ({
    entry: manifestOf([fileMember('photo.jpg')], changes),
  });
  const file = (changes: Readonly<Record<string, Json>>) => ({
    entry: manifestOf([fileMember('photo.jpg', changes)]),
  });
  const without = (name: string): CaseOptions => {
    const { [name]: _, ...rest } = manifestOf([fileMember('photo.jpg')]);
    return { entry: rest };
  };
  const step = (changes: Readonly<Record<string, Json>>): CaseOptions => {
    const tree = makeTree(manifestOf([fileMember('photo.jpg')]), 2, 5);
    return { tree, inclusion: [{ ...tree.step, ...changes }] };
  };
  const anchored = (changes: Readonly<Record<string, Json>>): CaseOptions => ({
    anchor: (made) => ({ ...made.json, ...changes }),
  });
  const format = (name: string, options: CaseOptions) => bad(name, ['format'], options);
  return [
    format('white space between members', { damage: replace('"revision":1', '"revision": 1') }),
    format('members in another order', {
      damage: replace('"number":"2026-00000001-', '"zumber":"2026-00000001-'),
    }),
    format('a line end behind it', { damage: (bytes) => concat(bytes, utf8('\n')) }),
    format('a byte order mark before it', { damage: (bytes) => concat(fromHex('efbbbf'), bytes) }),
    format('a duplicate name', { damage: replace('"revision":1', '"revision":1,"revision":1') }),
    format('a number with an exponent', { damage: replace('"revision":1', '"revision":1e0') }),
    format('a number with a point', { damage: replace('"revision":1', '"revision":1.0') }),
    format('a negative zero', { damage: replace('"index":2', '"index":-0') }),
    format('a number above 2^53−1', { damage: replace('"index":2', '"index":9007199254740992') }),
    format('a lone surrogate', { damage: replace('涉嫌侵权', '\\ud800') }),
    format('an escape where none is needed', { damage: replace('涉嫌', '\\u6d89嫌') }),
    format('bytes that are not UTF-8', { damage: (bytes) => bytes.with(bytes.indexOf(0xe6), 0xff) }),
    format('cut in the middle', { damage: (bytes) => bytes.slice(0, 1000) }),
    format('empty', { damage: () => new Uint8Array() }),
    format('a list in place of a certificate', { damage: () => utf8('[]') }),
    format('another format', { damage: replace('kezheng-certificate/1', 'kezheng-certificate/2') }),
    format('an unknown member', { damage: reSpell((c) => ({ ...c, extra: 1 })) }),
    format('a missing member', { damage: reSpell(({ stated: _, ...rest }) => rest) }),
    format('check digits that do not fit', {
      damage: replace('"number":"2026-00000001-', '"number":"2026-00000002-'),
    }),
    ...['00', '01', '99'].map((digits) =>
      format(`check digits ${digits}`, { damage: replace(/2026-00000001-\d\d/, `2026-00000001-${digits}`) }),
    ),
    format('a revision of 0', { revision: 0 }),
    format('a day that does not exist', { issuedAt: '2026-02-30T00:00:00.000Z' }),
    format('a time without milliseconds', { issuedAt: '2026-11-22T07:00:09Z' }),
    format('an hour of 24', { issuedAt: '2026-11-22T24:00:00.000Z' }),
    format('an entry with an unknown member', entry({ extra: null })),
    format('an entry with a missing member', without('clock')),
    format('an entry without a format', without('format')),
    format('an entry whose format is none of ours', entry({ format: 'other' })),
    format('an entry with neither files nor folder', { entry: manifestOf([]) }),
    format('an entry with files and folder', entry({ folder: { root: '00'.repeat(32), size: 1 } })),
    format('a statement without a format', entry({ statement: {} })),
    format('an id in upper case', entry({ id: '019AB1C2-0000-7000-8000-000000000002' })),
    format('a salt of 15 bytes', entry({ salt: '00112233445566778899aabbccddee' })),
    format('a digest in upper case', file({ sha256: 'AA'.repeat(32) })),
    format('a computed file without SM3', file({ sm3: null })),
    format('a role that does not exist', file({ role: 'main' })),
    format('a size in quotes', file({ size: '45' })),
    format('a name that is no text', file({ name: 7 })),
    format('no inclusion', { inclusion: [] }),
    format('two batches', { inclusion: [makeTree({}, 0, 1).step, makeTree({}, 0, 1).step] }),
    format('three steps', { inclusion: Array.from({ length: 3 }, () => makeTree({}, 0, 1).step) }),
    format('a folder step under a manifest', {
      ...folderSample(),
      entry: manifestOf([fileMember('photo.jpg')]),
    }),
    format('a file entry without its folder', {
      entry: folderSample().entry!,
      inclusion: [makeTree({}, 0, 1).step],
    }),
    format('a step of an unknown type', step({ type: 'day' })),
    format('a tree of size 0', step({ size: 0 })),
    format('a tree above the largest size', step({ size: 2 ** 32 + 1 })),
    format('a path of 65 hashes', step({ hashes: Array.from({ length: 65 }, () => '00'.repeat(32)) })),
    format('a path hash of 31 bytes', step({ hashes: ['00'.repeat(31)] })),
    format('an anchor with an unknown member', anchored({ chain: 1 })),
    format('an anchor with a missing member', { anchor: ({ json: { receipt: _, ...rest } }) => rest }),
    format('an anchor without a type', { anchors: () => [{}] }),
    format('an anchor that is no object', { anchors: () => ['ethereum-header/1' as unknown as JsonObject] }),
    format('hex in upper case', anchored({ receipt: 'AA' })),
    format('hex with half a byte', anchored({ receipt: 'abc' })),
    format('hex with 0x', anchored({ receipt: '0xab' })),
    format('a token without a type', { tokens: [{ kind: 'rfc3161' }] }),
    format('nine anchors', { anchors: (anchor) => Array.from({ length: 9 }, () => anchor) }),
    format('65 tokens', { tokens: Array.from({ length: 65 }, () => ({ type: 'none/1' })) }),
    format('a stated item with an unknown member', {
      stated: [{ name: 'a', value: 'b', more: 'c' } as { name: string; value: string }],
      damage: reSpell((c) => ({ ...c, stated: [{ name: 'a', value: 'b', more: 'c' }] })),
    }),
    format('nested deeper than any reader should follow', {
      tokens: [{ type: 'deep/1', nest: Array.from({ length: 40 }).reduce<Json>((inner) => [inner], 0) }],
    }),
    bad('a protected header in other base64', ['signature'], {
      damage: reSpell((c) => {
        const signature = c['signature'] as { protected: string; signature: string };
        return { ...c, signature: { ...signature, protected: `${signature.protected}=` } };
      }),
    }),
    bad('base64 of the signature with other padding bits', ['signature'], {
      damage: reSpell((c) => {
        const signature = c['signature'] as { protected: string; signature: string };
        const last = signature.signature.at(-1)!;
        const other = String.fromCharCode(last.charCodeAt(0) + 1);
        return { ...c, signature: { ...signature, signature: signature.signature.slice(0, -1) + other } };
      }),
    }),
  ];
}
