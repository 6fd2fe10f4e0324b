import t from 'tap';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { parseCertificate } from '../../../server/core/read/x509.ts';
import { checkRevocation, parseEvidence } from '../../../server/core/verify/revocation.ts';
import { CA, type Issued, issue, LEAF } from '../read/openssl.ts';
import { authority, middle, root } from '../token/authority.ts';
import { type Asked, crl, ocsp, type Revoked } from '../token/revocation.ts';

const signer = authority('P-256', middle);
const PATH = [signer, middle, root];
const GEN_TIME = Date.parse('2026-11-22T07:00:00.500Z');
const BEFORE = '261122070000Z';
const AFTER = '261122070001Z';

type Evidence = readonly ['crl' | 'ocsp', Uint8Array];

/** The reason against the token, or how many certificates something was said about. */
async function found(path: readonly Issued[], ...evidence: readonly Evidence[]): Promise<string | number> {
  const { looked, reason } = await checkRevocation(
    path.map(({ der }) => parseCertificate(der)),
    evidence.map(([kind, value]) => parseEvidence(kind, value)),
    GEN_TIME,
    nodeSignatures,
  );
  return reason?.code ?? looked;
}

const list = (by: Issued, ...revoked: readonly Revoked[]): Evidence => ['crl', crl(by, revoked)];
const answer = (asked: Partial<Asked>): Evidence => [
  'ocsp',
  ocsp({ of: signer, issuer: middle, signer: middle, revoked: [{ of: signer }], ...asked }),
];

t.test('lists and answers that say nothing against a token are counted', async (t) => {
  t.equal(await found(PATH), 0);
  t.equal(await found(PATH, list(middle)), 1);
  t.equal(await found(PATH, list(middle), list(root)), 2);
  t.equal(await found(PATH, answer({})), 1);
  t.equal(await found(PATH, answer({}), list(root), list(middle)), 2);
  t.equal(await found([root]), 0, 'the signer is trusted itself');
});

t.test('what is said about others is not looked at, even where it is forged', async (t) => {
  const stranger = issue({ subject: '/CN=stranger', extensions: CA });
  t.equal(await found(PATH, list(stranger, { of: signer, at: BEFORE })), 0);
  t.equal(await found(PATH, answer({ of: root, revoked: [{ of: root, at: BEFORE }] })), 0);
  t.equal(await found(PATH, answer({ issuer: stranger, signer: stranger })), 0);
  t.equal(await found(PATH, answer({ revoked: [] })), 0, 'the responder does not know it');
  t.equal(
    await found(PATH, list(middle, { of: middle, at: BEFORE }), list(root, { of: signer, at: BEFORE })),
    2,
  );
});

const SPOILS = 'token-certificate-revoked';
for (const [reason, before, after] of [
  [undefined, SPOILS, SPOILS],
  ['unspecified', SPOILS, 1],
  ['keyCompromise', SPOILS, SPOILS],
  ['CACompromise', SPOILS, SPOILS],
  ['affiliationChanged', SPOILS, 1],
  ['superseded', SPOILS, 1],
  ['cessationOfOperation', SPOILS, 1],
  ['certificateHold', SPOILS, SPOILS],
] as const)
  t.test(
    `revoked, ${reason ?? 'without a reason'}: what that means before and after the token`,
    async (t) => {
      for (const [at, expected] of [
        [BEFORE, before],
        [AFTER, after],
      ] as const) {
        const revoked = [{ of: signer, at, ...(reason !== undefined && { reason }) }];
        t.equal(await found(PATH, list(middle, ...revoked)), expected, `list ${at}`);
        t.equal(await found(PATH, answer({ revoked })), expected, `answer ${at}`);
      }
    },
  );

t.test('a revoked intermediate spoils a token as well', async (t) => {
  t.equal(await found(PATH, list(middle), list(root, { of: middle, at: BEFORE })), SPOILS);
});

const FORGED = 'revocation-not-authentic';
t.test('a list or answer that only bears the issuer’s name is forged', async (t) => {
  const namesake = issue({ subject: '/CN=stamp CA', extensions: CA });
  t.equal(await found(PATH, list(namesake)), FORGED);
  const stranger = issue({ subject: '/CN=stranger', extensions: CA });
  t.equal(await found(PATH, answer({ signer: stranger })), FORGED);
  const noLists = issue({ subject: '/CN=no lists', by: root, extensions: [CA[0]!, 'keyUsage=keyCertSign'] });
  t.equal(await found([authority('P-256', noLists), noLists, root], list(noLists)), FORGED);
  const free = issue({ subject: '/CN=free', by: root, extensions: [CA[0]!] });
  t.equal(await found([authority('P-256', free), free, root], list(free)), 1, 'without keyUsage it may');
});

t.test('an answer may come from one whom the issuer gave a certificate for it', async (t) => {
  const OCSP_SIGNING = [...LEAF, 'extendedKeyUsage=OCSPSigning'];
  const responder = issue({ subject: '/CN=responder', by: middle, extensions: OCSP_SIGNING });
  t.equal(await found(PATH, answer({ signer: responder })), 1);
  t.equal(await found(PATH, answer({ signer: responder, more: ['-resp_no_certs'] })), FORGED);
  const foreign = issue({ subject: '/CN=responder', by: root, extensions: OCSP_SIGNING });
  t.equal(await found(PATH, answer({ signer: foreign })), FORGED);
  const other = issue({ subject: '/CN=responder', by: middle, extensions: LEAF });
  t.equal(await found(PATH, answer({ signer: other })), FORGED);
  const wrong = issue({
    subject: '/CN=w',
    by: middle,
    extensions: [...LEAF, 'extendedKeyUsage=codeSigning'],
  });
  t.equal(await found(PATH, answer({ signer: wrong })), FORGED);
  const odd = issue({
    subject: '/CN=odd',
    by: middle,
    extensions: [...OCSP_SIGNING, '1.2.3=critical,DER:0500'],
  });
  t.equal(await found(PATH, answer({ signer: odd })), FORGED, 'a certificate that is not read');
  const two = answer({ signer: responder, more: ['-rother', other.files.certificate] });
  t.equal(await found(PATH, two), 1, 'among others');
});
