import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t, { type Test } from 'tap';
import { signWithPkcs12 } from '../../server/adapters/pkcs12.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { contextTag, firstDer, TAG } from '../../server/core/read/der.ts';
import { detachedCms, signedAttributes } from '../../server/core/read/encode-cms.ts';
import { encode, encodeOid } from '../../server/core/read/encode-der.ts';
import { certificateSet } from '../../server/core/token/build.ts';
import { sha256Imprint } from '../../server/core/token/imprint.ts';
import { MAX_DEED_CMS_BYTES, prepareDeed } from '../../server/documents/deed/prepare.ts';
import { DeedProblem } from '../../server/documents/deed/problem.ts';
import { checkRegistration, type OfficeSeal, sealDeed, signDeed } from '../../server/documents/deed/seal.ts';
import { renderDeed } from '../../server/documents/pdf/deed.ts';
import { type Ranged, signedBytes } from '../../server/documents/pdf/seal.ts';
import { CA, type Issued, issue, openssl } from '../core/read/openssl.ts';
import { elementAt, replaced } from '../core/read/rebuild.ts';
import { authority, file, NOW, stamper, root as stampRoot, token } from '../core/token/authority.ts';
import { opened, whyNoPoppler } from '../support/poppler.ts';
import { contentOf } from './deed-sample.ts';

/* The office's signature: made by its key, or by openssl as somebody's signing device would make it. */

t.setTimeout(240_000);

const skip = whyNoPoppler();
const SIGNS = ['basicConstraints=CA:FALSE', 'keyUsage=critical,nonRepudiation'];
const root = issue({ subject: '/CN=office root', days: 3650, extensions: CA });
const middle = issue({ subject: '/CN=office CA', days: 3650, extensions: CA, by: root });
const office = issue({ subject: '/C=CN/O=某公证处/CN=seal', by: middle, extensions: SIGNS });
const rsa = issue({ subject: '/CN=rsa seal', by: middle, key: 'rsa-2048', extensions: SIGNS });
const stranger = issue({ subject: '/CN=another office', by: middle, extensions: SIGNS });

const stamp: OfficeSeal['stamp'] = async (imprint) =>
  token({ imprint: sha256Imprint(imprint) }, certificateSet([stamper.der]));

const pemOf = (ones: readonly Issued[]): string =>
  file(ones.map(({ files }) => readFileSync(files.certificate, 'utf8')).join(''));
const authorities = pemOf([root, middle]);

const registered = [office, rsa].map((one) => [one.der, middle.der, root.der]);
const seal = (more: Partial<OfficeSeal> = {}): OfficeSeal => ({
  registered,
  nowMs: NOW,
  verifier: nodeSignatures,
  stamp,
  ...more,
});

const SIGNED_MS = Date.parse('2026-11-28T16:30:00.000Z');
const deed = await prepareDeed({
  content: contentOf(),
  certificates: new Map(),
  signer: office.der,
  signedMs: SIGNED_MS,
  render: renderDeed,
});

async function refused(cms: Uint8Array, more: Partial<OfficeSeal> = {}, to: Ranged = deed) {
  try {
    await sealDeed(to, cms, seal(more));
    return undefined;
  } catch (error) {
    if (error instanceof DeedProblem) return error.code;
    throw error;
  }
}

interface CmsWish {
  readonly by?: Issued;
  readonly to?: Ranged;
  readonly options?: readonly string[];
}

/** As openssl makes it over the bytes that go out. */
function opensslCms({ by = office, to = deed, options = [] }: CmsWish = {}): Uint8Array {
  const out = file('');
  openssl([
    ...['cms', '-sign', '-binary', '-in', file(signedBytes(to)), '-outform', 'DER', '-out', out],
    ...['-signer', by.files.certificate, '-inkey', by.files.key, ...options],
  ]);
  return new Uint8Array(readFileSync(out));
}

const cmsIn = ({ pdf }: { readonly pdf: Uint8Array }): Uint8Array => {
  const [, before, behind] = deed.byteRange;
  return firstDer(Buffer.from(Buffer.from(pdf.subarray(before + 1, behind - 1)).toString('latin1'), 'hex'))
    .raw;
};

const SIGNER = '/1/0/4/0';
const SIGNATURE = `${SIGNER}/5`;
const TOKEN = `${SIGNER}/6/0/1/0`;

function checkWhole(t: Test, pdf: Uint8Array): void {
  const { signature, check } = opened(pdf);
  t.match(signature(), /Signature is Valid/);
  t.match(signature(), /Total document signed/);
  t.match(signature(), 'ETSI.CAdES.detached');
  t.match(check(), { status: 0 });
  const cms = cmsIn({ pdf });
  const digest = createHash('sha256').update(elementAt(cms, SIGNATURE).content).digest('hex');
  const at = ['-attime', String(Math.floor(NOW / 1000))];
  t.match(
    openssl([
      ...['ts', '-verify', '-digest', digest, '-token_in', '-in', file(elementAt(cms, TOKEN).raw)],
      ...[...at, '-CAfile', stampRoot.files.certificate],
    ]).toString(),
    'Verification: OK',
  );
  // It fails where anything of it does not hold.
  t.doesNotThrow(
    () =>
      openssl([
        ...['cms', '-verify', '-binary', '-inform', 'DER', '-in', file(cms), '-purpose', 'any', ...at],
        ...['-content', file(signedBytes(deed)), '-CAfile', authorities, '-out', file('')],
      ]),
    'openssl cms -verify',
  );
}

t.test('what goes out is the SHA-256 of all but the place of the signature', async (t) => {
  const hex = openssl(['dgst', '-sha256', '-r', file(signedBytes(deed))])
    .toString()
    .slice(0, 64);
  t.equal(Buffer.from(deed.digest).toString('hex'), hex);
  const [begin, before, behind, rest] = deed.byteRange;
  t.equal(begin, 0);
  t.equal(behind + rest, deed.pdf.length);
  const place = Buffer.from(deed.pdf.subarray(before, behind)).toString('latin1');
  t.match(place, /^<0+>$/);
  const printed = Buffer.from(deed.pdf.subarray(before - 120, before)).toString('latin1');
  t.match(printed, new RegExp(`/ByteRange \\[0 +${before} +${behind} +${rest}\\]`));
});

for (const [how, one, options] of [
  ['P-256, with its chain', office, []],
  ['RSA, with its chain', rsa, []],
  ['an old file', office, ['-legacy']],
] as const)
  t.test(
    `an encrypted PKCS#12 signs a deed that other people’s tools find good: ${how}`,
    { skip },
    async (t) => {
      const pfx = file('');
      const chain = pemOf([middle, root]);
      openssl([
        ...['pkcs12', '-export', '-inkey', one.files.key, '-in', one.files.certificate, '-certfile', chain],
        ...['-passout', 'pass:口令', '-out', pfx, ...options],
      ]);
      const sealed = await signDeed(deed, seal(), (bytesToSign) =>
        signWithPkcs12(readFileSync(pfx), '口令', NOW, bytesToSign),
      );
      t.match(sealed.signer, one === office ? 'seal' : 'rsa seal');
      t.equal(sealed.stampedMs, NOW);
      checkWhole(t, sealed.pdf);
    },
  );

t.test('a root in the file that the office did not register stays outside', async (t) => {
  const sealed = await signDeed(
    deed,
    seal({ registered: [[office.der, middle.der]] }),
    async (bytesToSign) => {
      const certificates = [office.der, middle.der, root.der];
      return {
        certificates,
        algorithm: 'ecdsa-with-SHA256',
        signature: sign('sha256', bytesToSign(certificates), createPrivateKey(office.key)),
      };
    },
  );
  t.equal(elementAt(cmsIn(sealed), '/1/0/3').children.length, 2);
});

const WAYS: Readonly<Record<string, CmsWish>> = {
  'as it comes': {},
  'with CAdES attributes': { options: ['-cades'] },
  'without S/MIME capabilities': { options: ['-nosmimecap'] },
  'with its chain': { options: ['-certfile', middle.files.certificate] },
  'with SHA-512': { options: ['-md', 'sha512'] },
  'of RSA': { by: rsa },
  'of RSA with SHA-384 and CAdES': { by: rsa, options: ['-md', 'sha384', '-cades'] },
};
for (const [how, wish] of Object.entries(WAYS))
  t.test(`openssl’s CMS is taken ${how}, and the deed is good`, { skip }, async (t) => {
    const sealed = await sealDeed(deed, opensslCms(wish), seal());
    checkWhole(t, sealed.pdf);
    t.notOk(
      deed.pdf.some((byte, i) => i < deed.byteRange[1] && byte !== sealed.pdf[i]),
      'nothing else changed',
    );
  });

t.test('a device that signs attributes as they are given makes a good deed', { skip }, async (t) => {
  const signature = sign('sha256', deed.signedAttributes, createPrivateKey(office.key));
  const cms = detachedCms({
    attributes: deed.signedAttributes,
    signature,
    algorithm: 'ecdsa-with-SHA256',
    certificates: [office.der],
  });
  checkWhole(t, (await sealDeed(deed, cms, seal())).pdf);
});

/** Few bytes, so that thousands of damages are tried in seconds; the place is as large as a deed's. */
const head = Buffer.from('before <');
const small: Ranged = {
  pdf: Buffer.concat([head, Buffer.alloc(2 * 8_000, '0'), Buffer.from('> behind')]),
  byteRange: [0, head.length - 1, head.length + 2 * 8_000 + 1, '> behind'.length - 1],
};

/** Of the longer one every fifth: they fall on each bit of a byte. */
for (const [how, wish, step] of [
  ['P-256', {}, 1],
  ['RSA with its chain', { by: rsa, options: ['-certfile', middle.files.certificate] }, 5],
] as const)
  t.test(`every single bit of a CMS counts: ${how}`, async (t) => {
    const cms = opensslCms({ ...wish, to: small });
    t.equal(await refused(cms, {}, small), undefined);
    const codes = new Map<string, number>();
    for (let bit = 0; bit < cms.length * 8; bit += step) {
      const code = await refused(cms.with(bit >> 3, cms[bit >> 3]! ^ (1 << (bit & 7))), {}, small);
      if (code === undefined) t.fail(`bit ${bit} changes nothing`);
      else codes.set(code, (codes.get(code) ?? 0) + 1);
    }
    for (const code of [
      'deed-cms-unreadable',
      'deed-cms-digest-differs',
      'deed-cms-signer-unregistered',
      'deed-cms-certificate-surplus',
      'deed-cms-signature-wrong',
    ])
      t.ok(codes.get(code)! > 0, code);
  });

t.test('a CMS that is cut anywhere, or goes on behind its end, is refused', async (t) => {
  const cms = opensslCms({ to: small });
  for (let length = 0; length < cms.length; length++)
    if ((await refused(cms.subarray(0, length), {}, small)) !== 'deed-cms-unreadable') t.fail(`${length}`);
  t.equal(await refused(Buffer.concat([cms, Buffer.alloc(1)]), {}, small), 'deed-cms-unreadable');
});

const sequence = (...parts: readonly Uint8Array[]) => encode(TAG.sequence, ...parts);
const context = (number: number, ...parts: readonly Uint8Array[]) =>
  encode(contextTag(number, 'constructed'), ...parts);

t.test('each thing that must not be in a CMS has its own refusal', async (t) => {
  const cms = opensslCms({ to: small });
  const at = (way: string): Uint8Array => elementAt(cms, way).raw;
  const changed = (changes: Readonly<Record<string, readonly Uint8Array[]>>) =>
    refused(replaced(cms, changes), {}, small);
  const attribute = sequence(encodeOid('1.2.3'), encode(TAG.set, encode(TAG.null)));
  const own = { to: small };
  const cases: Readonly<Record<string, readonly [Promise<string | undefined>, string]>> = {
    'an attribute that is not signed': [
      changed({ [SIGNATURE]: [at(SIGNATURE), context(1, attribute)] }),
      'deed-cms-unreadable',
    ],
    'the document itself': [
      refused(opensslCms({ ...own, options: ['-nodetach'] }), {}, small),
      'deed-cms-unreadable',
    ],
    'a second signer': [
      refused(
        opensslCms({ ...own, options: ['-signer', rsa.files.certificate, '-inkey', rsa.files.key] }),
        {},
        small,
      ),
      'deed-cms-unreadable',
    ],
    'a signer named by his key': [
      refused(opensslCms({ ...own, options: ['-keyid'] }), {}, small),
      'deed-cms-unreadable',
    ],
    'no signed attribute': [
      refused(opensslCms({ ...own, options: ['-noattr'] }), {}, small),
      'deed-cms-unreadable',
    ],
    'a list of revoked certificates': [
      changed({ '/1/0/3': [at('/1/0/3'), context(1, sequence())] }),
      'deed-cms-unreadable',
    ],
    'another certificate': [
      refused(opensslCms({ ...own, options: ['-certfile', stranger.files.certificate] }), {}, small),
      'deed-cms-certificate-surplus',
    ],
    'a certificate twice': [
      changed({ '/1/0/3': [context(0, office.der, office.der)] }),
      'deed-cms-certificate-surplus',
    ],
    'no certificate': [
      refused(opensslCms({ ...own, options: ['-nocerts'] }), {}, small),
      'deed-cms-certificate-surplus',
    ],
    'the signature of another office': [
      refused(opensslCms({ ...own, by: stranger }), {}, small),
      'deed-cms-signer-unregistered',
    ],
    'the signature over another deed': [refused(opensslCms(), {}, small), 'deed-cms-digest-differs'],
    'an attribute that names another certificate': [
      refused(named(stranger), {}, small),
      'deed-cms-signer-unregistered',
    ],
    'more bytes than a chain has': [
      refused(new Uint8Array(MAX_DEED_CMS_BYTES + 1), {}, small),
      'deed-cms-too-long',
    ],
  };
  for (const [what, [code, expected]] of Object.entries(cases)) t.equal(await code, expected, what);
});

/** By the office's key, and saying that the key is somebody else's. */
function named(other: Issued): Uint8Array {
  const digest = createHash('sha256').update(signedBytes(small)).digest();
  const attributes = signedAttributes(digest, other.der);
  const signature = sign('sha256', attributes, createPrivateKey(office.key));
  return detachedCms({ attributes, signature, algorithm: 'ecdsa-with-SHA256', certificates: [office.der] });
}

t.test('the office’s certificate must be fit to sign now', async (t) => {
  const day = 86_400_000;
  const cms = opensslCms({ to: small });
  const unfit = async (more: Partial<OfficeSeal>): Promise<string | undefined> => {
    const error = await sealDeed(small, cms, seal(more)).catch((caught: unknown) => caught as DeedProblem);
    t.equal((error as DeedProblem).code, 'deed-cms-signer-unfit');
    return (error as DeedProblem).because?.code;
  };
  t.equal(await unfit({ nowMs: NOW + 400 * day }), 'chain-expired');
  t.equal(await unfit({ nowMs: NOW - 2 * day }), 'chain-not-yet-valid');
  t.equal(await unfit({ registered: [[office.der, root.der]] }), 'chain-issuer-mismatch');
  t.equal(
    await unfit({ registered: [[office.der, middle.der, root.der, stranger.der]] }),
    'chain-issuer-mismatch',
  );
  const enciphers = issue({
    subject: '/CN=enciphers',
    extensions: ['basicConstraints=CA:FALSE', 'keyUsage=critical,keyEncipherment'],
  });
  const wrong = opensslCms({ to: small, by: enciphers });
  t.equal(await refused(wrong, { registered: [[enciphers.der]] }, small), 'deed-cms-signer-unfit');
  t.equal(await refused(cms, { registered: [] }, small), 'deed-cms-signer-unregistered');
  t.equal(await refused(cms, { registered: [[], ...registered] }, small), undefined);
});

t.test('an office registers a chain that could sign today, and no other', async (t) => {
  const now = { nowMs: NOW, verifier: nodeSignatures };
  for (const chain of [[office.der], [office.der, middle.der], [rsa.der, middle.der, root.der]])
    await t.resolves(checkRegistration(chain, now));
  const codes: Readonly<Record<string, readonly (readonly Uint8Array[])[]>> = {
    'deed-chain-unreadable': [[], [office.der, new Uint8Array(3)]],
    'deed-cms-signer-unfit': [
      [middle.der, root.der],
      [office.der, root.der],
      [office.der, office.der],
      [office.der, middle.der, root.der, root.der],
    ],
  };
  for (const [code, chains] of Object.entries(codes))
    for (const chain of chains) await t.rejects(checkRegistration(chain, now), { code });
  const error = await checkRegistration([office.der], { ...now, nowMs: NOW + 1e11 }).catch(
    (caught: unknown) => caught as DeedProblem,
  );
  t.equal((error as DeedProblem).because?.code, 'chain-expired');
});

t.test('a time-stamp that is not over this signature, or holds no certificate, is not put in', async (t) => {
  const cms = opensslCms({ to: small });
  const other = authority('P-256', stampRoot);
  const stamps: Readonly<Record<string, OfficeSeal['stamp']>> = {
    'over something else': () => stamp(new Uint8Array(32)),
    'without a certificate': async (imprint) => token({ imprint: sha256Imprint(imprint) }),
    'with another certificate': async (imprint) =>
      token({ imprint: sha256Imprint(imprint) }, certificateSet([other.der])),
    'that is none': async () => new Uint8Array(10),
  };
  for (const [how, wrong] of Object.entries(stamps))
    t.equal(await refused(cms, { stamp: wrong }, small), 'deed-token-invalid', how);
  const gone = new Error('the authority is away');
  await t.rejects(sealDeed(small, cms, seal({ stamp: () => Promise.reject(gone) })), gone);
  const narrow: Ranged = {
    pdf: Buffer.from(`before <${'0'.repeat(2_000)}> behind`),
    byteRange: [0, 7, 2_009, 7],
  };
  t.equal(await refused(opensslCms({ to: narrow }), {}, narrow), 'deed-token-too-long');
});

t.test('a deed is signed once', async (t) => {
  const cms = opensslCms({ to: small });
  const { pdf } = await sealDeed(small, cms, seal());
  t.equal(await refused(cms, {}, { ...small, pdf }), 'deed-already-sealed');
});

t.test('a byte of the deed that is changed after signing shows', { skip }, async (t) => {
  const { pdf } = await sealDeed(deed, opensslCms(), seal());
  for (const at of [9, Math.floor(deed.byteRange[1] / 2), deed.byteRange[2] + 5, pdf.length - 2]) {
    const changed = Buffer.from(pdf);
    changed[at]! ^= 1;
    t.notMatch(opened(changed).signature(), /Signature is Valid/, `byte ${at}`);
  }
});
