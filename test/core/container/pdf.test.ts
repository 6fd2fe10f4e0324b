import { spawnSync } from 'node:child_process';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import t from 'tap';
import { opened } from '../../../scripts/vectors.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { MAX_PDF_BYTES, openPdf, sealOf } from '../../../server/core/container/pdf.ts';
import { utf8 } from '../../../server/core/read/bytes.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { checkPages } from '../../../server/core/verify/pdf.ts';
import type { Check } from '../../../server/core/verify/report.ts';
import { parseTrust } from '../../../server/core/verify/trust.ts';
import { verifyCertificate } from '../../../server/core/verify/verify.ts';
import { whyNoPoppler, opened as withPoppler } from '../../support/poppler.ts';

t.setTimeout(240_000);

const VECTORS = join(import.meta.dirname, '..', '..', 'vectors');
interface Case {
  readonly name: string;
  readonly certificate: string;
  readonly trust: object;
  readonly verdict?: string;
  readonly pages?: string;
}
const CASES = JSON.parse(readFileSync(join(VECTORS, 'pdf-cases.json'), 'utf8')) as readonly Case[];
const bytesOf = (one: Case): Uint8Array => readFileSync(join(VECTORS, one.certificate));
const good = bytesOf(CASES[0]!);
const trust = parseTrust(utf8(JSON.stringify(CASES[0]!.trust)));

/** The check of the pages; undefined where no certificate is taken out. */
async function pages(bytes: Uint8Array): Promise<Check | undefined> {
  const pdf = opened(bytes);
  if ('refused' in pdf) return undefined;
  return checkPages(pdf, trust, nodeSignatures, (ms) => [ms]);
}

t.test('what is in the document counts, and its open pages are said to be left', async (t) => {
  const check = async (one: Case, certificate?: Uint8Array) => {
    const pdf = openPdf(bytesOf(one));
    const request = { files: [], blocks: [], signatures: nodeSignatures, pdf };
    const list = parseTrust(utf8(JSON.stringify(one.trust)));
    return verifyCertificate({ ...request, certificate: certificate ?? pdf.certificate, trust: list });
  };
  const [first] = CASES as readonly [Case];
  t.strictSame(await check(first, utf8('{}')), await check(first));
  const open = CASES.filter((one) => one.pages?.endsWith('unknown') || one.pages === 'pdf-not-signed');
  t.ok(open.length > 0);
  for (const one of open) {
    const { remaining } = await check(one);
    t.ok(
      remaining.some(({ what }) => what === 'pages'),
      one.name,
    );
  }
});

t.test('a document is taken only up to the size that is held', async (t) => {
  const at = (length: number) => {
    const bytes = new Uint8Array(length);
    bytes.set(utf8('%PDF-'));
    return bytes;
  };
  t.throws(() => openPdf(at(MAX_PDF_BYTES)), { code: 'pdf-without-certificate' });
  t.throws(() => openPdf(at(MAX_PDF_BYTES + 1)), {
    code: 'pdf-too-large',
    detail: { limit: MAX_PDF_BYTES, actual: MAX_PDF_BYTES + 1 },
  });
});

t.test(
  'the certificate comes out byte for byte as other people’s tools take it out',
  {
    skip: whyNoPoppler(),
  },
  async (t) => {
    const tool = withPoppler(good);
    t.match(tool.check(), { status: 0 });
    t.ok(tool.attachment('certificate.json').equals(openPdf(good).certificate));
  },
);

t.test(
  'pdfsig calls whole and valid what passes here, and nothing that was changed',
  {
    skip: whyNoPoppler(),
  },
  async (t) => {
    let [passed, changed] = [0, 0];
    for (const one of CASES.filter(({ pages }) => pages !== undefined)) {
      const said = withPoppler(bytesOf(one)).signature();
      const isGood = /Total document signed/.test(said) && /Signature is Valid/.test(said);
      if (one.pages === 'pdf-signed') {
        t.ok(isGood, one.name);
        passed++;
      } else if (
        ['pdf-changed', 'pdf-bytes-behind', 'pdf-cut-off', 'token-signature-wrong'].includes(one.pages!)
      ) {
        t.notOk(isGood, one.name);
        changed++;
      }
    }
    t.ok(passed >= 9 && changed >= 9);
  },
);

t.test('openssl finds the same signature over the same bytes', async (t) => {
  const folder = t.testdir();
  const { cms, signed } = sealOf(openPdf(good))!;
  writeFileSync(join(folder, 'cms.der'), cms);
  writeFileSync(join(folder, 'signed.bin'), signed);
  const check = () =>
    spawnSync(
      'openssl',
      'cms -verify -binary -inform DER -in cms.der -content signed.bin -noverify -out /dev/null'.split(' '),
      { cwd: folder, encoding: 'utf8' },
    );
  t.equal(check().status, 0, check().stderr);
  writeFileSync(join(folder, 'signed.bin'), signed.with(100, signed[100]! ^ 1));
  t.not(check().status, 0);
});

t.test('whatever byte is changed, the pages do not pass, and nearly everywhere they fail', async (t) => {
  let [unknown, failed, refused] = [0, 0, 0];
  const { cms } = sealOf(openPdf(good))!;
  const padding = Buffer.from(good).indexOf('/Contents <') + '/Contents <'.length + 2 * cms.length;
  const isZeros = (at: number) => at > padding && good[at] === 0x30 && good[at - 9] === 0x30;
  let tried = 0;
  for (let at = 0; at < good.length; at++) {
    // Of the thousands of zeros behind the signature some are enough.
    if (isZeros(at) && at % 64 > 0) continue;
    tried++;
    const check = await pages(good.with(at, good[at]! ^ (1 << (at & 7))));
    if (check === undefined) refused++;
    else if (check.status === 'failed') failed++;
    else if (check.status === 'unknown') unknown++;
    else t.fail(`byte ${at}: ${check.status}`);
  }
  t.ok(failed > tried - 500, `${failed} of ${tried}`);
  // The word /ByteRange itself: without it there is no signature.
  t.ok(unknown <= 10, `${unknown}`);
  t.ok(refused > 100, 'what says where the certificate is');
});

t.test('a document that is cut or lengthened anywhere never passes', async (t) => {
  for (let length = 0; length < good.length; length += 7) {
    const check = await pages(good.subarray(0, length));
    t.not(check?.status, 'passed', `${length}`);
  }
});

t.test('thousands of documents with any bytes put in are refused or read, and never crash', async () => {
  const { bytes } = openPdf(good);
  const part = fc.constantFrom(
    ...[
      'stream\n{"anchors":',
      '/ByteRange [0 1 2 3]',
      '/Contents <00>',
      '<',
      '>',
      '%PDF-',
      '/M (D:20260101000000Z)',
      '\nendobj\n',
    ].map(utf8),
  );
  fc.assert(
    fc.property(
      fc.array(fc.tuple(fc.nat(bytes.length - 1), fc.oneof(part, fc.uint8Array({ maxLength: 9 })))),
      (changes) => {
        // A Buffer's slice would be the same memory.
        const changed = Uint8Array.from(bytes);
        for (const [at, value] of changes) changed.set(value.subarray(0, changed.length - at), at);
        try {
          sealOf(openPdf(changed));
        } catch (error) {
          if (!(error instanceof FormatError)) throw error;
        }
      },
    ),
    { numRuns: 2000 },
  );
});

t.test('primitives that are broken are no finding about the document', async (t) => {
  const broken = { verify: () => Promise.reject(new TypeError('no primitives')) };
  await t.rejects(
    checkPages(openPdf(good), trust, broken, (ms) => [ms]),
    { name: 'TypeError' },
  );
});
