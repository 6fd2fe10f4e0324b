import fc from 'fast-check';
import t from 'tap';
import {
  FILES,
  fileMember,
  leafOf,
  type MadeTree,
  makeSample,
  makeTree,
  manifestOf,
  type SampleOptions,
} from '../../../scripts/vectors/sample.ts';
import { MAX_TRIE_PROOF_NODES } from '../../../server/core/anchor/ethereum-header.ts';
import { decodeHeader } from '../../../server/core/anchor/header.ts';
import {
  type Certificate,
  type HeaderAnchor,
  parseCertificate,
} from '../../../server/core/certificate/certificate.ts';
import { keccak256 } from '../../../server/core/hash/keccak.ts';
import { sha256 } from '../../../server/core/hash/sha256.ts';
import { MAX_OPERATIONS } from '../../../server/core/ots/path.ts';
import { MAX_OTS_ENTRY_BYTES, otsFileName, otsProof } from '../../../server/core/ots/proof.ts';
import { concat, toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject } from '../../../server/core/read/json.ts';
import { nodeHash, proofSides, rootFromProof } from '../../../server/core/tree/tree.ts';
import { refusal } from '../../support/format-error.ts';
import { judge, type OtsCase, whyNoOpenTimestamps } from '../../support/opentimestamps.ts';
import { type ReadOts, readOts } from '../../support/ots-reader.ts';

const skip = whyNoOpenTimestamps();
const PHOTO = 'photo.jpg';
const TIMESTAMP = 1_795_330_800;

const certificateOf = async (options?: SampleOptions): Promise<Certificate> =>
  parseCertificate((await makeSample(options)).bytes);

const anchorOf = ({ anchors }: Certificate): HeaderAnchor => anchors[0] as HeaderAnchor;

/** What a node of that chain says of the certificate's first block. */
function blocksOf(certificate: Certificate) {
  const { number, timestamp, transactionsRoot } = decodeHeader(anchorOf(certificate).header);
  return { [number]: { transactionsRoot: `0x${toHex(transactionsRoot)}`, timestamp } };
}

const sha256Of = (certificate: Certificate, n: number): string => {
  const { entry } = certificate;
  if ('files' in entry) return entry.files[n]!.sha256;
  return 'sha256' in entry ? entry.sha256 : '';
};

/** The library's case for file `n`, which the reader of these tests has accepted already. */
function caseOf(certificate: Certificate, n = 0): OtsCase {
  const { bytes, transactionsRoot } = otsProof(certificate, n);
  const { message, digest } = readOts(bytes);
  if (message !== toHex(transactionsRoot) || digest !== sha256Of(certificate, n))
    throw new Error('it leads elsewhere');
  return { ots: bytes, digest, blocks: blocksOf(certificate) };
}

const HOLDS = { timestamp: TIMESTAMP, canonical: true };

/** The bytes from which the leaf is hashed: 0x00 and the manifest. */
const leafPreimage = ({ operations }: ReadOts, digest: string): Buffer => {
  const [, before, behind] = operations as [unknown, { operand: Buffer }, { operand: Buffer }];
  return Buffer.concat([before.operand, Buffer.from(digest), behind.operand]);
};

t.test('each file of a deposit has a proof from its own digest', { skip }, async (t) => {
  const certificate = await certificateOf({
    entry: manifestOf(Object.keys(FILES).map((name) => fileMember(name))),
  });
  const cases = Object.keys(FILES).map((_, n) => caseOf(certificate, n));
  t.strictSame(
    cases.map(({ digest }) => digest),
    Object.values(FILES).map((bytes) => toHex(sha256(bytes))),
  );
  t.strictSame(judge(cases), [HOLDS, HOLDS, HOLDS]);
  t.match(otsProof(certificate, 1), {
    fileName: '清单 𠮷.txt.chain-4242.ots',
    chainId: 4242,
    blockNumber: 1000,
    timestamp: TIMESTAMP,
    blockHash: `0x${toHex(keccak256(anchorOf(certificate).header))}`,
  });
});

t.test('every place in trees of every size up to 40 leads to the block', { skip }, async (t) => {
  const cases: OtsCase[] = [];
  for (let size = 1; size <= 40; size += size < 9 ? 1 : 5)
    for (let index = 0; index < size; index++) cases.push(caseOf(await certificateOf({ index, size })));
  t.ok(cases.length > 100);
  t.strictSame(
    judge(cases).filter((judged) => judged.timestamp !== TIMESTAMP),
    [],
  );
});

t.test(
  'transactions of every type, anywhere in blocks of every size, lead to the block',
  { skip },
  async (t) => {
    const cases: OtsCase[] = [];
    for (const type of [0, 1, 2] as const)
      for (const [before, after] of [
        [0, 0],
        [1, 0],
        [0, 1],
        [17, 3],
        [127, 0],
        [128, 1],
        [200, 100],
        [300, 0],
      ] as const)
        cases.push(caseOf(await certificateOf({ transaction: { type }, block: { before, after } })));
    const deepest = Math.max(...cases.map(({ ots }) => readOts(ots).operations.length));
    t.ok(deepest > 20, `branches below branches: ${deepest} operations`);
    t.strictSame(
      judge(cases),
      cases.map(() => HOLDS),
    );
  },
);

t.test(
  'names, titles and statements that look like what is searched for mislead nobody',
  { skip },
  async (t) => {
    const digest = toHex(sha256(FILES[PHOTO]!));
    const member = `"sha256":"${digest}"`;
    const evidence = manifestOf([])['evidence'] as JsonObject;
    const files = [
      fileMember(PHOTO, { name: `${digest} ${member} \\u0000 \u2028 😀`, role: 'derived' }),
      fileMember(PHOTO, { name: `"引号' ${member}.jpg`, sm3: digest }),
      fileMember(PHOTO, { name: '', mediaType: member, digests: 'declared', sm3: null }),
    ];
    const entry = manifestOf(files, {
      depositor: { id: '019ab1c0-0000-7000-8000-000000000001', name: digest, uscc: digest },
      evidence: { ...evidence, title: `"files":[{${member}}]`, description: digest },
      statement: { format: 'x', files: [{ sha256: digest }], sha256: digest },
    });
    const certificate = await certificateOf({ entry });
    const cases = files.map((_, n) => caseOf(certificate, n));
    t.strictSame(judge(cases), [HOLDS, HOLDS, HOLDS]);
    const text = canonicalize(entry);
    const preimage = `\0${text}`;
    const places = cases.map(({ ots }, n) => {
      const read = readOts(ots);
      t.equal(leafPreimage(read, digest).toString(), preimage, 'the whole manifest');
      // Behind the digest of file n stand its size, its SM3, and the files after it.
      const behind = read.operations[2]!.operand.toString();
      t.ok(behind.startsWith(`","size":${FILES[PHOTO]!.length},"sm3":${JSON.stringify(files[n]!['sm3'])}}`));
      return behind.length;
    });
    t.strictSame(
      places,
      [...places].sort((a, b) => b - a),
    );
    t.equal(new Set(places).size, 3);
  },
);

const anyText = fc.string({ unit: 'binary', maxLength: 30 }).filter((text) => text.isWellFormed());

t.test('whatever a manifest says, its proofs hold and contain it to the byte', async (t) => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.tuple(anyText, fc.uint8Array({ minLength: 32, maxLength: 32 })), {
        minLength: 1,
        maxLength: 5,
      }),
      anyText,
      async (files, title) => {
        const evidence = { ...(manifestOf([])['evidence'] as JsonObject), title };
        const listed = files.map(([name, digest]) => fileMember(PHOTO, { name, sha256: toHex(digest) }));
        const entry = manifestOf(listed, { evidence });
        const certificate = await certificateOf({ entry, index: 0, size: 1 });
        for (const n of files.keys()) {
          const { digest, ots } = caseOf(certificate, n);
          const whole = leafPreimage(readOts(ots), digest);
          if (toHex(sha256(whole)) !== toHex(leafOf(entry))) throw new Error('another leaf');
        }
      },
    ),
    { numRuns: 60 },
  );
  t.pass();
});

const fileEntry = (changes: Readonly<Record<string, Json>> = {}): JsonObject => ({
  format: 'kezheng-file/1',
  name: 'folder/照片.jpg',
  salt: 'aa'.repeat(16),
  sha256: toHex(sha256(FILES[PHOTO]!)),
  size: FILES[PHOTO]!.length,
  sm3: 'bb'.repeat(32),
  ...changes,
});

/** A certificate of a file in a folder: the folder's tree, then the batch's. */
async function folderCertificate(entry = fileEntry(), size = 21): Promise<Certificate> {
  const inner = makeTree(entry, size - 1, size, 'folder');
  const manifest = manifestOf([], { folder: { root: toHex(inner.root), size } });
  const outer = makeTree(manifest, 3, 9);
  return certificateOf({ entry, tree: outer, inclusion: [{ ...inner.step, manifest }, outer.step] });
}

t.test('a file of a folder goes through the folder’s tree and its manifest', { skip }, async (t) => {
  const certificate = await folderCertificate();
  t.strictSame(judge([caseOf(certificate)]), [HOLDS]);
  t.equal(
    refusal(() => otsProof(certificate, 1)),
    'ots-file-missing',
  );
});

/** A leaf of 2^32: 32 hashes, all but one on the right, where a level takes three operations. Nobody knows the other leaves. */
function deepTree(entry: JsonObject, type: 'batch' | 'folder'): MadeTree {
  const [index, size] = [2, 2 ** 32];
  const hashes = Array.from({ length: 32 }, (_, i) => new Uint8Array(32).fill(i));
  const root = rootFromProof(leafOf(entry), index, size, hashes);
  return { root, size, step: { hashes: hashes.map(toHex), index, size, type } };
}

t.test('the longest way that a certificate can have has room', { skip }, async (t) => {
  const entry = fileEntry();
  const inner = deepTree(entry, 'folder');
  const manifest = manifestOf([], { folder: { root: toHex(inner.root), size: inner.size } });
  const outer = deepTree(manifest, 'batch');
  const inclusion = [{ ...inner.step, manifest }, outer.step];
  const certificate = await certificateOf({
    entry,
    tree: outer,
    inclusion,
    block: { before: 300, after: 5 },
  });
  const longest = caseOf(certificate);
  t.strictSame(judge([longest]), [HOLDS]);
  const nodes = anchorOf(certificate).transactionProof.length;
  const others = readOts(longest.ots).operations.length - 3 * nodes;
  t.ok(others + 3 * MAX_TRIE_PROOF_NODES <= MAX_OPERATIONS, `${others} operations beside those of the trie`);
});

t.test('proofs name the side on which rootFromProof puts each hash', async (t) => {
  for (let size = 1; size <= 70; size++)
    for (let index = 0; index < size; index++) {
      const sides = proofSides(index, size);
      const hashes = sides.map((_, i) => new Uint8Array(32).fill(i + 1));
      const leaf = new Uint8Array(32).fill(0xff);
      const up = (node: Uint8Array, hash: Uint8Array, i: number) =>
        sides[i] === 'left' ? nodeHash(hash, node) : nodeHash(node, hash);
      if (toHex(hashes.reduce(up, leaf)) !== toHex(rootFromProof(leaf, index, size, hashes)))
        t.fail(`${index} of ${size}`);
    }
  t.pass();
});

t.test('a manifest is as large as the library takes it, and no byte larger', { skip }, async (t) => {
  const ofLength = (length: number): JsonObject => {
    const evidence = manifestOf([])['evidence'] as JsonObject;
    const bare = manifestOf([fileMember(PHOTO)], { evidence: { ...evidence, description: '' } });
    const description = 'x'.repeat(length - utf8(canonicalize(bare)).length);
    return manifestOf([fileMember(PHOTO)], { evidence: { ...evidence, description } });
  };
  const fits = await certificateOf({ entry: ofLength(MAX_OTS_ENTRY_BYTES) });
  t.equal(fits.entryBytes.length, 4095);
  t.strictSame(judge([caseOf(fits)]), [HOLDS]);
  const larger = await certificateOf({ entry: ofLength(MAX_OTS_ENTRY_BYTES + 1) });
  t.throws(() => otsProof(larger, 0), {
    code: 'ots-manifest-too-large',
    detail: { limit: 4095, actual: 4096 },
  });
  const hundred = manifestOf(Array.from({ length: 100 }, (_, n) => fileMember(PHOTO, { name: `${n}` })));
  const many = await certificateOf({ entry: hundred });
  for (const n of [0, 50, 99])
    t.equal(
      refusal(() => otsProof(many, n)),
      'ots-manifest-too-large',
    );
});

t.test('a large manifest of a folder is refused as one of a deposit is', async (t) => {
  t.equal(
    refusal(() => otsProof(foldered, 0)),
    'ots-manifest-too-large',
  );
});
const foldered = await folderCertificate(fileEntry({ name: 'n'.repeat(4000) }));

t.test('a file that the entry does not list has no proof', async (t) => {
  const certificate = await certificateOf();
  const folder = await certificateOf({
    entry: manifestOf([], { folder: { root: 'ab'.repeat(32), size: 2 } }),
  });
  const event = await certificateOf({ entry: { format: 'kezheng-event/1', files: [] } });
  for (const n of [1, -1, 0.5, Number.NaN])
    t.throws(() => otsProof(certificate, n), { code: 'ots-file-missing', detail: { file: n } });
  for (const other of [folder, event])
    t.equal(
      refusal(() => otsProof(other, 0)),
      'ots-file-missing',
    );
});

t.test('of several chains it is Ethereum’s main one, then the first', async (t) => {
  const main = await makeSample({ transaction: { chainId: 1 }, block: { number: 20_000_000 } });
  const mainAnchor = parseCertificate(main.bytes).anchors[0] as HeaderAnchor;
  const own = await certificateOf();
  const both = { ...own, anchors: [{ type: 'unknown', name: 'x/1' }, ...own.anchors, mainAnchor] } as const;
  t.match(otsProof(both, 0), { chainId: 1, blockNumber: 20_000_000, fileName: 'photo.jpg.ots' });
  t.match(otsProof({ ...both, anchors: both.anchors.slice(0, 2) }, 0), { chainId: 4242, blockNumber: 1000 });
  for (const anchors of [[], both.anchors.slice(0, 1)])
    t.equal(
      refusal(() => otsProof({ ...own, anchors }, 0)),
      'ots-anchor-missing',
    );
  t.equal(otsFileName('a "b".png', 1), 'a "b".png.ots');
  t.equal(otsFileName('a', 11155111), 'a.chain-11155111.ots');
});

t.test('a certificate whose parts do not connect has no proof, and the part is named', async (t) => {
  const good = await certificateOf({ block: { before: 20, after: 20 } });
  const other = await certificateOf({ index: 1, block: { before: 3 } });
  const anchor = anchorOf(good);
  const { batch } = good.inclusion;
  const withAnchor = (changes: Partial<HeaderAnchor>) => ({ ...good, anchors: [{ ...anchor, ...changes }] });
  const withBatch = (changes: object) => ({
    ...good,
    inclusion: { folder: undefined, batch: { ...batch, ...changes } },
  });
  const last = anchor.transactionProof.length - 1;
  const damages: Record<string, [certificate: Certificate, code: string, part?: string]> = {
    'its leaf stands elsewhere': [withBatch({ index: 1 }), 'ots-not-contained', 'transaction'],
    'a hash is missing': [withBatch({ hashes: batch.hashes.slice(1) }), 'proof-length-wrong'],
    'its index is beyond the batch': [withBatch({ index: 5 }), 'tree-index-invalid'],
    'its transaction is of another root': [
      withAnchor({ transaction: anchorOf(other).transaction }),
      'ots-not-contained',
      'transaction',
    ],
    'its leaf node is missing': [
      withAnchor({ transactionProof: anchor.transactionProof.slice(0, -1) }),
      'ots-not-contained',
      `transactionProof[${last - 1}]`,
    ],
    'its root node is missing': [
      withAnchor({ transactionProof: anchor.transactionProof.slice(1) }),
      'ots-not-contained',
      'header',
    ],
    'it has no nodes': [withAnchor({ transactionProof: [] }), 'ots-not-contained', 'header'],
    'its header is of another block': [
      withAnchor({ header: anchorOf(other).header }),
      'ots-not-contained',
      'header',
    ],
    'its transaction is of no type': [
      withAnchor({ transaction: Uint8Array.of(9) }),
      'transaction-type-unsupported',
    ],
    'its header is no header': [withAnchor({ header: Uint8Array.of(9) }), 'ethereum-field-kind'],
  };
  const inFolder = await folderCertificate();
  for (const [why, promised] of [
    ['its folder has another root', { root: '00'.repeat(32), size: 21 }],
    ['its folder’s manifest is none of a folder', null],
  ] as const) {
    const manifestBytes = utf8(canonicalize(manifestOf([fileMember(PHOTO)], { folder: promised })));
    const folder = { ...inFolder.inclusion.folder!, manifestBytes };
    const inclusion = { ...inFolder.inclusion, folder };
    damages[why] = [{ ...inFolder, inclusion }, 'ots-not-contained', 'transaction'];
  }
  for (const [why, [certificate, code, part]] of Object.entries(damages))
    t.throws(() => otsProof(certificate, 0), { code, ...(part && { detail: { part } }) }, why);
});

/** Nodes that no trie has, each with the hash of the one below: the first lengthened by what is put around it. */
function chainOfNodes(
  leaf: Uint8Array,
  more: readonly [before: Uint8Array, behind: Uint8Array][],
): Uint8Array[] {
  const nodes = [leaf];
  for (const [before, behind] of more) nodes.push(concat(before, keccak256(nodes.at(-1)!), behind));
  return nodes.reverse();
}

t.test(
  'nodes too many or too long for the form are refused, and a node may begin with what it holds',
  async (t) => {
    const good = await certificateOf({ block: { before: 0 } });
    const anchor = anchorOf(good);
    const made = (more: [Uint8Array, Uint8Array][]): Certificate => ({
      ...good,
      anchors: [{ ...anchor, transactionProof: chainOfNodes(anchor.transactionProof.at(-1)!, more) }],
    });
    const [none, one, long] = [new Uint8Array(), Uint8Array.of(1), new Uint8Array(4096 - 31)];
    // It comes as far as the header, of which no such node is the root.
    t.throws(() => otsProof(made([[none, one]]), 0), {
      code: 'ots-not-contained',
      detail: { part: 'header' },
    });
    t.throws(() => otsProof(made([[one, long]]), 0), {
      code: 'ots-message-too-long',
      detail: { limit: 4096 },
    });
    const many = made(Array.from({ length: 100 }, () => [one, one]));
    t.equal(
      refusal(() => otsProof(many, 0)),
      'ots-path-too-long',
    );
  },
);

t.test(
  'a flipped bit anywhere is refused by the library and by our reader',
  { skip, timeout: 600_000 },
  async (t) => {
    for (const options of [{ index: 0, size: 1 }, { block: { before: 150, after: 20 } }]) {
      const whole = caseOf(await certificateOf(options));
      const bits = whole.ots.length * 8;
      // Of the longer one a bit of each byte, always another.
      const flips = Array.from({ length: bits }, (_, bit) => bit).filter(
        (bit) => options.size === 1 || bit % 8 === (bit >> 3) % 8,
      );
      const cases = flips.map((bit) => {
        const at = bit >> 3;
        return { ...whole, ots: whole.ots.with(at, whole.ots[at]! ^ (1 << (bit % 8))) };
      });
      const survivors = judge(cases).flatMap((judged, i) => (judged.refused === undefined ? [flips[i]] : []));
      t.strictSame(survivors, []);
      const own = cases.filter(({ ots, digest, blocks }) => {
        try {
          const read = readOts(ots);
          return read.digest === digest && blocks[read.blockNumber]?.transactionsRoot === `0x${read.message}`;
        } catch {
          return false;
        }
      });
      t.strictSame(own, []);
    }
  },
);

t.test('bytes behind the end, a cut, another file and another block are refused', { skip }, async (t) => {
  const whole = caseOf(await certificateOf());
  const wrong = { transactionsRoot: `0x${'00'.repeat(32)}`, timestamp: 1 };
  const cases: OtsCase[] = [
    whole,
    { ...whole, ots: concat(whole.ots, Uint8Array.of(0)) },
    { ...whole, ots: concat(whole.ots, whole.ots) },
    { ...whole, ots: whole.ots.slice(0, -1) },
    { ...whole, ots: new Uint8Array() },
    { ...whole, digest: '00'.repeat(32) },
    { ...whole, blocks: { 1000: wrong } },
    { ...whole, blocks: {} },
  ];
  t.match(judge(cases), [
    HOLDS,
    { refused: /TrailingGarbage/ },
    { refused: /TrailingGarbage/ },
    { refused: /Truncation/ },
    { refused: /BadMagic/ },
    { refused: 'another file' },
    { refused: /does not match/ },
    { refused: 'no such block' },
  ]);
  for (const { ots } of cases.slice(1, 5)) t.throws(() => readOts(ots));
});
