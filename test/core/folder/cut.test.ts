import t from 'tap';
import { CHAIN_ID } from '../../../scripts/vectors/block.ts';
import {
  GENESIS,
  makeSample,
  makeTree,
  manifestOf,
  type Sample,
  trustList,
} from '../../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { MAX_CERTIFICATE_BYTES, parseCertificate } from '../../../server/core/certificate/certificate.ts';
import { fileEntryText } from '../../../server/core/entry/file-entry.ts';
import { cutCertificate, folderOf } from '../../../server/core/folder/cut.ts';
import { sha256 } from '../../../server/core/hash/sha256.ts';
import { sm3 } from '../../../server/core/hash/sm3.ts';
import { toHex, utf8 } from '../../../server/core/read/bytes.ts';
import { canonicalize } from '../../../server/core/read/json.ts';
import { climbTree } from '../../../server/core/tree/climb.ts';
import { leafHash } from '../../../server/core/tree/tree.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../../server/core/verify/verify.ts';

const entryOf = (name: string, content: string) => {
  const bytes = utf8(content);
  const digests = { sha256: toHex(sha256(bytes)), sm3: toHex(sm3(bytes)) };
  return utf8(fileEntryText({ name, salt: 'cd'.repeat(16), size: bytes.length, ...digests }));
};

const SIZE = 21;
const entries = Array.from({ length: SIZE }, (_, i) => entryOf(`照片/${i}.jpg`, `content ${i}`));
const climb = climbTree();
for (const entry of entries) climb.add(leafHash(entry), true);
const { root, ways } = climb.end();
const manifest = manifestOf([], { folder: { root: toHex(root), size: SIZE } });
const folder: Sample = await makeSample({ entry: manifest, tree: makeTree(manifest, 2, 5) });
const trust = parseTrust(utf8(canonicalize(trustList())));

const check = (certificate: Uint8Array, content: string) =>
  verifyCertificate({
    certificate,
    files: [{ sha256: toHex(sha256(utf8(content))), basis: 'recomputed' }],
    trust,
    blocks: [
      {
        source: 'node',
        chainId: CHAIN_ID,
        genesisHash: GENESIS,
        number: folder.blockNumber,
        hash: folder.blockHash,
      },
    ],
    signatures: nodeSignatures,
  });

t.test(
  'each file of a folder gets a valid certificate out of the folder’s, with the issuer’s one signature',
  async (t) => {
    for (const [i, entry] of entries.entries()) {
      const cut = cutCertificate(folder.bytes, entry, ways[i]!);
      t.equal((await check(cut, `content ${i}`)).verdict, 'valid', `file ${i}`);
      t.same(parseCertificate(cut).signature, parseCertificate(folder.bytes).signature);
    }
  },
);

t.test('a file with other content is none of it', async (t) => {
  const report = await check(cutCertificate(folder.bytes, entries[3]!, ways[3]!), 'content 4');
  t.equal(report.verdict, 'invalid');
  t.match(
    report.checks.filter(({ status }) => status === 'failed'),
    [{ id: 'files' }],
  );
});

t.test('what is not in the folder’s tree is not cut', async (t) => {
  t.throws(() => cutCertificate(folder.bytes, entries[3]!, ways[4]!), { code: 'proof-leads-elsewhere' });
  t.throws(() => cutCertificate(folder.bytes, entryOf('照片/3.jpg', 'other'), ways[3]!), {
    code: 'proof-leads-elsewhere',
  });
  const short = { index: 3, hashes: ways[3]!.hashes.slice(1) };
  t.throws(() => cutCertificate(folder.bytes, entries[3]!, short), { code: 'proof-length-wrong' });
  t.throws(() => cutCertificate(folder.bytes, utf8('{"format":"kezheng-file/2"}'), ways[3]!), {
    code: 'field-missing',
  });
  t.throws(() => cutCertificate(folder.bytes, utf8('not json'), ways[3]!), { name: 'FormatError' });
});

t.test('a certificate of files has none to cut', async (t) => {
  const other = (await makeSample()).bytes;
  t.throws(() => folderOf(other), { code: 'certificate-not-of-folder' });
  t.throws(() => cutCertificate(other, entries[0]!, ways[0]!), { code: 'certificate-not-of-folder' });
  const cut = cutCertificate(folder.bytes, entries[0]!, ways[0]!);
  t.throws(() => cutCertificate(cut, entries[0]!, ways[0]!), { code: 'certificate-not-of-folder' });
});

t.test('a name that makes the certificate too large is refused, not written', async (t) => {
  const entry = entryOf('x'.repeat(MAX_CERTIFICATE_BYTES), 'x');
  const alone = climbTree();
  alone.add(leafHash(entry), true);
  const tree = alone.end();
  const one = manifestOf([], { folder: { root: toHex(tree.root), size: 1 } });
  const { bytes } = await makeSample({ entry: one });
  t.throws(() => cutCertificate(bytes, entry, tree.ways[0]!), { code: 'certificate-too-large' });
});
