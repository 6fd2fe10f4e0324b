import { encodeBase64 } from '../../server/core/read/base64.ts';
import { concat, utf8 } from '../../server/core/read/bytes.ts';
import type { JsonObject } from '../../server/core/read/json.ts';
import type { ReasonCode } from '../../server/core/reason.ts';
import type { CheckId, Status, Verdict } from '../../server/core/verify/report.ts';
import { type CaseOptions, ourNode, PHOTO } from './cases.ts';
import { type CertificateKey, largeKey, signingKey } from './keys.ts';
import { type CmsRequest, embedded, makePdf, type PdfRequest, type Sealer, sealOver } from './pdf.ts';
import { rsaKey } from './rsa.ts';
import { makeSample, rootCertificate, type Sample, trustList } from './sample.ts';
import { DOCUMENT_SIGNING, own, ownRoot, TIME_STAMPING } from './stampers.ts';
import { type CertificateRequest, makeCertificate } from './x509.ts';

/*
 * Documents, good and damaged: what of them is taken as the certificate, and what check 18 says of their pages.
 */

/** Numbers of their own, so that the certificates of other vectors keep theirs. */
let serial = 1_000;
const certify = (
  request: Pick<CertificateRequest, 'subject' | 'issuer' | 'key' | 'signer'> & Partial<CertificateRequest>,
): Uint8Array =>
  makeCertificate({
    ca: false,
    serial: serial++,
    notBefore: '260101000000',
    notAfter: '360101000000',
    ...request,
  });

const SEAL_ROOT = 'kezheng test seal root';
const rootKey = signingKey('seal root');
const sealRoot = certify({ subject: SEAL_ROOT, issuer: SEAL_ROOT, key: rootKey, signer: rootKey, ca: true });
const SEAL_CA = 'kezheng test seal CA';
const caKey = signingKey('seal CA');
const sealCa = certify({ subject: SEAL_CA, issuer: SEAL_ROOT, key: caKey, signer: rootKey, ca: true });

const sealer = (subject: string, key: CertificateKey, more: Partial<CertificateRequest> = {}): Sealer => ({
  certificate: certify({
    subject,
    issuer: SEAL_ROOT,
    key,
    signer: rootKey,
    purposes: [DOCUMENT_SIGNING],
    purposesCritical: false,
    ...more,
  }),
  key,
});

const seal = sealer('kezheng test seal', signingKey('seal'));
const rsaSeal = sealer('kezheng test RSA seal', rsaKey('rsa2048', 'sha256'));
const largeSeal = sealer('kezheng test P-384 seal', largeKey('seal', 'P-384'));
const deepSeal = sealer('kezheng test deep seal', signingKey('deep seal'), {
  issuer: SEAL_CA,
  signer: caKey,
});
const strangerKey = signingKey('seal stranger');
const stranger: Sealer = {
  certificate: certify({
    subject: 'seal stranger',
    issuer: 'seal stranger',
    key: strangerKey,
    signer: strangerKey,
    purposes: [DOCUMENT_SIGNING],
  }),
  key: strangerKey,
};

export const sealTrust = (
  issuers: readonly Uint8Array[] = [rootCertificate, sealRoot, ownRoot],
): JsonObject =>
  trustList({ issuers: [{ name: 'kezheng test', certificates: issuers.map((one) => encodeBase64(one)) }] });

export interface PdfCase {
  readonly name: string;
  readonly pdf: Uint8Array;
  readonly sample: Sample;
  readonly files: typeof PHOTO;
  readonly trust: JsonObject | undefined;
  readonly blocks: readonly object[];
  /** nothing is taken out of it; or the verdict, and what the check of its pages says */
  readonly expect:
    | { readonly refused: ReasonCode }
    | { readonly verdict: Verdict; readonly pages: Status; readonly failed?: readonly CheckId[] };
}

interface Options extends Partial<Omit<PdfRequest, 'certificate' | 'cms'>> {
  readonly cms?: Partial<CmsRequest> | null;
  /** of the certificate inside */
  readonly sample?: CaseOptions;
  readonly trust?: JsonObject | null;
  /** to the finished file */
  readonly damage?: (file: Uint8Array) => Uint8Array;
}

async function pdfCase(name: string, expect: PdfCase['expect'], options: Options = {}): Promise<PdfCase> {
  const { cms = {}, sample: of = {}, trust, damage, ...rest } = options;
  const sample = await makeSample(of);
  const certificate = of.damage?.(sample.bytes) ?? sample.bytes;
  const sign = cms && ((signed: Uint8Array) => sealOver(signed, { by: seal, ...cms }));
  const pdf = makePdf({ certificate, cms: sign ?? undefined, ...rest });
  return {
    name,
    pdf: damage?.(pdf) ?? pdf,
    sample,
    files: of.files ?? PHOTO,
    trust: trust === null ? undefined : (trust ?? sealTrust()),
    blocks: of.blocks?.(sample) ?? [ourNode(sample)],
    expect,
  };
}

const good = (name: string, options?: Options) =>
  pdfCase(name, { verdict: 'valid', pages: 'passed' }, options);
const open = (name: string, options?: Options) =>
  pdfCase(name, { verdict: 'incomplete', pages: 'unknown' }, options);
const bad = (name: string, options?: Options) =>
  pdfCase(name, { verdict: 'invalid', pages: 'failed', failed: ['pdf-pages'] }, options);
const refused = (name: string, code: ReasonCode, options?: Options) =>
  pdfCase(name, { refused: code }, options);

const latin = (bytes: Uint8Array): string => Buffer.from(bytes).toString('latin1');
const inText =
  (change: (text: string) => string) =>
  (file: Uint8Array): Uint8Array =>
    new Uint8Array(Buffer.from(change(latin(file)), 'latin1'));
const replaced = (from: string | RegExp, to: string) => inText((text) => text.replace(from, to));
const appended = (text: string) => (file: Uint8Array) => concat(file, utf8(text));

const HOSTILE = 'x /ByteRange [0 1 2 3] /Contents <00> stream\n{"anchors": endstream';
const hostileManifest = async (): Promise<Options> => {
  const { fileMember, manifestOf } = await import('./sample.ts');
  const plain = manifestOf([fileMember('photo.jpg')]);
  const evidence = { ...(plain['evidence'] as JsonObject), title: HOSTILE };
  return { sample: { entry: { ...plain, evidence } } };
};

/** As a program would that adds a remark: a new object, a new table, the old bytes as they were. */
const UPDATE =
  '4 0 obj\n<<\n/Length 0\n>>\nstream\n\nendstream\nendobj\nxref\n0 1\n0000000000 65535 f \ntrailer\n<<\n/Size 10\n/Root 1 0 R\n>>\nstartxref\n0\n%%EOF\n';

const goodOnes = async (): Promise<readonly Promise<PdfCase>[]> => [
  good('a PDF sealed by the issuer, with everything beside it'),
  good('a PDF sealed with RSA', { cms: { by: rsaSeal } }),
  good('a PDF sealed with P-384 and SHA-384', { cms: { by: largeSeal } }),
  good('a seal below a CA, whose certificate is in the CMS', { cms: { by: deepSeal, others: [sealCa] } }),
  good('the trust list names the seal’s own certificate', {
    trust: sealTrust([rootCertificate, seal.certificate]),
  }),
  good('certificates of no use in the CMS', { cms: { others: [sealRoot, own.certificate, sealCa] } }),
  good('the seal’s issuer stands in another entry than the certificate’s', {
    trust: trustList({
      issuers: [
        { name: 'nobody', certificates: [] },
        { name: 'kezheng test', certificates: [encodeBase64(rootCertificate)] },
        { name: 'kezheng test seals', certificates: [encodeBase64(sealRoot)] },
      ],
    }),
  }),
  good('a title that looks like the parts of a PDF', await hostileManifest()),
  good('sealed before the block, by a key that was good at both moments', { moment: 'D:20260201000000Z' }),
];

const openOnes = (): readonly Promise<PdfCase>[] => [
  open('a PDF without a signature', { cms: null }),
  open('no trust list', { trust: null }),
  open('sealed by a stranger', { cms: { by: stranger } }),
  open('the seal’s CA is not in the CMS', { cms: { by: deepSeal } }),
  open('the seal’s root is not in the trust list', { trust: sealTrust([rootCertificate]) }),
];

const badOnes = (): readonly Promise<PdfCase>[] => [
  bad('a word on the page is another', {
    damage: replaced('(kezheng test vector)', '(kezheng best vector)'),
  }),
  bad('its first bytes are another version', { damage: replaced('%PDF-1.7', '%PDF-1.6') }),
  bad('its last byte is another', { damage: replaced(/\n$/, ' ') }),
  bad('one byte is added at the end', { damage: appended('\n') }),
  bad('an incremental update is added', { damage: appended(UPDATE) }),
  bad('an incremental update with a signature of its own is added', {
    damage: (file) => concat(file, utf8(UPDATE.replace('<<\n/Length', '<<\n/ByteRange [0 1 2 3]\n/Length'))),
  }),
  bad('its last byte is missing', { damage: (file) => file.subarray(0, -1) }),
  bad('a stranger’s seal and a word that was changed', {
    cms: { by: stranger },
    damage: replaced('(kezheng test vector)', '(kezheng best vector)'),
  }),
  bad('the signature leaves out the beginning', {
    damage: inText((text) =>
      text.replace(/ByteRange \[0( +)/, (_, spaces: string) => `ByteRange [1${spaces}`),
    ),
  }),
  bad('the signature leaves out bytes before its place', {
    damage: inText((text) =>
      text.replace(/ByteRange \[0 +(\d+)/, (all, from: string) =>
        all.replace(from, String(Number(from) - 1)),
      ),
    ),
  }),
  bad('the signature leaves out bytes behind its place', {
    damage: inText((text) =>
      text.replace(/ByteRange \[0 +\d+ +(\d+)/, (all, to: string) => all.replace(to, String(Number(to) + 1))),
    ),
  }),
  bad('the place of the signature is upside down', {
    damage: inText((text) =>
      text.replace(/ByteRange \[0 +\d+ +(\d+)/, (all, to: string) =>
        all.replace(to, '1'.padStart(to.length)),
      ),
    ),
  }),
  bad('its place is larger than any signature', {
    damage: inText((text) => {
      const filled = text.replace(
        /\/Contents <([0-9a-f]+)>/,
        (_, hex: string) => `/Contents <${hex}${'0'.repeat(131_072)}>`,
      );
      return filled.replace(/ByteRange \[0 +\d+ +(\d+)/, (all, to: string) =>
        all.replace(to, String(Number(to) + 131_072)),
      );
    }),
  }),
  bad('the signature’s object has a member more', {
    change: (text) => text.replace('/Type /Sig\n', '/Type /Sig\n/Reason (x)\n'),
  }),
  bad('the word /ByteRange stands alone', {
    cms: null,
    change: (text) => text.replace('/F 132', '/ByteRange 132'),
  }),
  bad('the signature is written in capitals', {
    damage: inText((text) => text.replace(/\/Contents <([0-9a-f]+)>/, (all) => all.replaceAll('a', 'A'))),
  }),
  bad('behind the signature something else than zeros', { damage: replaced('0>\n/M', '1>\n/M') }),
  bad('its place is empty', {
    damage: inText((text) =>
      text.replace(/\/Contents <([0-9a-f]+)>/, (_, hex: string) => `/Contents <${'0'.repeat(hex.length)}>`),
    ),
  }),
  bad('the moment of signing is no day', { moment: 'D:20260230080000Z' }),
  bad('the moment of signing is in another time zone', { moment: "D:20261122080000+08'00" }),
  bad('its object goes on behind the moment', { change: (text) => text.replace('Z)\n>>', 'Z)\n/X 1\n>>') }),
  bad('the signature is another key’s', { cms: { by: { ...seal, key: strangerKey } } }),
  bad('a bit of the signature is another', {
    cms: { signature: (bytes) => bytes.with(-1, bytes.at(-1)! ^ 1) },
  }),
  bad('the signed attributes name another certificate of the same key', {
    cms: { named: sealer('kezheng test seal', seal.key).certificate },
  }),
  bad('the signed attributes name no certificate', { cms: { named: null } }),
  bad('its CMS is a version that is not for documents', { cms: { version: 3 } }),
  bad('its CMS is of a time stamp', { cms: { contentType: '1.2.840.113549.1.9.16.1.4' } }),
  bad('its CMS holds content of its own', { cms: { content: utf8('x') } }),
  bad('its CMS brings too many certificates', {
    cms: {
      others: Array.from({ length: 16 }, (_, i) =>
        certify({ subject: `noise ${i}`, issuer: 'x', key: strangerKey, signer: strangerKey }),
      ),
    },
  }),
  bad('sealed by the issuer’s key for tokens', { cms: { by: own } }),
  bad('sealed by a key for nothing in particular', {
    cms: { by: sealer('plain', signingKey('plain'), { purposes: [] }) },
  }),
  bad('sealed by a key for something else', {
    cms: { by: sealer('other', signingKey('other purpose'), { purposes: [TIME_STAMPING] }) },
  }),
  bad('the seal’s certificate had expired when it signed', {
    cms: { by: sealer('old', signingKey('old'), { notAfter: '261101000000' }) },
  }),
  bad('the seal’s certificate was not valid yet', { moment: 'D:20251231235959Z' }),
  bad('sealed before its certificate expired, with a block that is younger', {
    cms: { by: sealer('old', signingKey('old'), { notAfter: '260301000000' }) },
    moment: 'D:20260201000000Z',
  }),
  pdfCase(
    'a good seal around a certificate that cannot be read',
    { verdict: 'invalid', pages: 'skipped', failed: ['format'] },
    { sample: { damage: (bytes) => concat(bytes, utf8(' ')) } },
  ),
  pdfCase(
    'a good seal and a file that is not listed',
    { verdict: 'invalid', pages: 'passed', failed: ['files'] },
    { sample: { files: [...PHOTO, { file: 'empty.bin' }] } },
  ),
  pdfCase('a good seal and no file', { verdict: 'incomplete', pages: 'passed' }, { sample: { files: [] } }),
];

const inside = utf8('{"anchors":[]}');

const refusedOnes = (): readonly Promise<PdfCase>[] => [
  refused('no PDF', 'pdf-not-one', { damage: replaced('%PDF-1.7', ' PDF-1.7') }),
  refused('nothing', 'pdf-not-one', { damage: () => new Uint8Array() }),
  refused('a PDF without a certificate', 'pdf-without-certificate', {
    damage: replaced('stream\n{"anchors":', 'stream\r{"anchors":'),
  }),
  refused('two certificates', 'pdf-certificates-several', { more: [embedded(inside)] }),
  refused('another certificate in an incremental update', 'pdf-certificates-several', {
    damage: (file) => concat(file, utf8('8 0 obj\n'), embedded(inside), utf8('\nendobj\n')),
  }),
  refused('the certificate’s object has a filter', 'pdf-certificate-misplaced', {
    change: (text) => text.replace('/Params <<', '/Filter []\n/Params <<'),
  }),
  refused('its length stands elsewhere', 'pdf-certificate-misplaced', {
    change: (text) => text.replace(/\/Length \d+(\n>>\nstream\n\{)/, '/Length 9 0 R$1'),
  }),
  refused('its length is shorter', 'pdf-certificate-misplaced', {
    change: (text) =>
      text.replace(
        /\/Size (\d+)\n>>\n\/Length \d+/,
        (_, size: string) => `/Size ${Number(size) - 1}\n>>\n/Length ${Number(size) - 1}`,
      ),
  }),
  refused('its two lengths differ', 'pdf-certificate-misplaced', {
    change: (text) => text.replace(/\/Size (\d+)\n/, (_, size: string) => `/Size ${Number(size) + 1}\n`),
  }),
  refused('it is cut off inside the certificate', 'pdf-certificate-misplaced', {
    damage: inText((text) => text.slice(0, text.indexOf('{"anchors":') + 100)),
  }),
];

export const pdfCases = async (): Promise<readonly PdfCase[]> =>
  Promise.all([...(await goodOnes()), ...openOnes(), ...badOnes(), ...refusedOnes()]);
