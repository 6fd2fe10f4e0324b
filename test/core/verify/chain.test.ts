import t from 'tap';
import { webCryptoSignatures } from '../../../server/adapters/signatures.ts';
import { nodeSignatures } from '../../../server/adapters/signatures-node.ts';
import { type Certificate, parseCertificate } from '../../../server/core/read/x509.ts';
import { FormatError } from '../../../server/core/reason.ts';
import { type ChainRequest, verifyChain } from '../../../server/core/verify/chain.ts';
import { plainSignatures } from '../../../server/web/checker/plain-signatures.ts';
import { CA, type Issued, issue, LEAF, openssl } from '../read/openssl.ts';

const VERIFIERS = {
  plain: plainSignatures,
  node: nodeSignatures,
  WebCrypto: webCryptoSignatures(globalThis.crypto.subtle),
};

const DAY_MS = 86_400_000;
/** An hour on, so that every certificate that is made here is valid already. */
const NOW = Date.now() + DAY_MS / 24;

/** Each call makes one more certificate; the names in the tests say what is wrong with it. */
const ca = (name: string, more: Partial<Parameters<typeof issue>[0]> = {}): Issued =>
  issue({ subject: `/CN=${name}`, days: 3650, extensions: CA, ...more });
const leafOf = (by: Issued, more: Partial<Parameters<typeof issue>[0]> = {}): Issued =>
  issue({ subject: '/CN=leaf', by, extensions: LEAF, ...more });

const root = ca('root');
const middle = ca('middle', { by: root });
const leaf = leafOf(middle);
const alone = issue({ subject: '/CN=alone', extensions: LEAF });
const stranger = ca('stranger');

interface Given {
  readonly leaf: Issued;
  readonly intermediates?: readonly Issued[];
  readonly anchors: readonly Issued[];
  readonly atMs?: number;
}

const request = ({ leaf, intermediates = [], anchors, atMs = NOW }: Given): ChainRequest => ({
  leaf: parseCertificate(leaf.der),
  intermediates: intermediates.map(({ der }) => parseCertificate(der)),
  anchors: anchors.map(({ der }) => parseCertificate(der)),
  atMs,
  verifier: nodeSignatures,
});

/** The names of the path, or the code of the refusal. */
async function outcome(given: Given, verifier = nodeSignatures): Promise<string | string[]> {
  const result = await verifyChain({ ...request(given), verifier });
  return result.ok ? result.path.map(({ subject }) => subject.name.slice(3)) : result.reason.code;
}

const rsaRoot = ca('rsa root', { key: 'rsa-2048', digest: 'sha512' });
const rsaMiddle = ca('rsa middle', { key: 'rsa-2048', digest: 'sha384', by: rsaRoot });
const p384 = ca('p384', { key: 'P-384', digest: 'sha384' });
const p521 = ca('p521', { key: 'P-521', digest: 'sha512', by: p384 });
const limited = ca('limited', { extensions: [`${CA[0]},pathlen:0`, CA[1]!] });
const rekeyed = ca('limited', { by: limited });
const plain = ca('plain', { extensions: ['basicConstraints=CA:TRUE'] });

const GOOD: Record<string, [path: string[], given: Given]> = {
  'the leaf is an anchor': [['alone'], { leaf: alone, anchors: [stranger, alone] }],
  'an anchor issued it': [['leaf', 'middle'], { leaf, anchors: [middle] }],
  'it leads over an intermediate': [
    ['leaf', 'middle', 'root'],
    { leaf, intermediates: [middle], anchors: [stranger, root] },
  ],
  'the root came along and is an anchor': [
    ['leaf', 'middle', 'root'],
    { leaf, intermediates: [middle, root], anchors: [root] },
  ],
  'the last and one before it are anchors': [
    ['leaf', 'middle', 'root'],
    { leaf, intermediates: [middle, root], anchors: [middle, root] },
  ],
  'all is RSA': [
    ['leaf', 'rsa middle', 'rsa root'],
    { leaf: leafOf(rsaMiddle), intermediates: [rsaMiddle], anchors: [rsaRoot] },
  ],
  'the curves are P-521 and P-384': [
    ['leaf', 'p521', 'p384'],
    { leaf: leafOf(p521, { digest: 'sha512' }), intermediates: [p521], anchors: [p384] },
  ],
  'the path length is just enough': [['leaf', 'limited'], { leaf: leafOf(limited), anchors: [limited] }],
  'a CA renewed its own key, which counts for no path length': [
    ['leaf', 'limited', 'limited'],
    { leaf: leafOf(rekeyed), intermediates: [rekeyed], anchors: [limited] },
  ],
  'there are no key usages': [
    ['leaf', 'plain'],
    { leaf: leafOf(plain, { extensions: ['basicConstraints=CA:FALSE'] }), anchors: [plain] },
  ],
  'one anchor of the name has another key': [['leaf', 'middle'], { leaf, anchors: [ca('middle'), middle] }],
};
for (const [how, [path, given]] of Object.entries(GOOD))
  for (const [by, verifier] of Object.entries(VERIFIERS))
    t.test(`a chain holds when ${how} (${by})`, async (t) => {
      t.strictSame(await outcome(given, verifier), path);
    });

t.test('OpenSSL agrees that these chains hold', async (t) => {
  for (const [, { leaf, intermediates = [], anchors }] of Object.values(GOOD)) {
    const trusted = anchors.flatMap(({ files }) => ['-trusted', files.certificate]);
    const untrusted = intermediates.flatMap(({ files }) => ['-untrusted', files.certificate]);
    const said = openssl(['verify', '-partial_chain', ...trusted, ...untrusted, leaf.files.certificate]);
    t.match(said.toString(), /: OK$/m);
  }
});

const early = { atMs: NOW - DAY_MS };
const late = (days: number) => ({ atMs: NOW + days * DAY_MS });
const shortRoot = ca('root of a month', { days: 30 });
const shortMiddle = ca('middle of a month', { days: 30, by: root });
const noCa = issue({ subject: '/CN=no ca', by: root, extensions: LEAF });
const noConstraints = ca('no constraints', { extensions: ['keyUsage=keyCertSign'] });
const noSigning = ca('no signing', { extensions: [CA[0]!, 'keyUsage=cRLSign,digitalSignature'] });
const belowLimited = ca('below limited', { by: limited });
const weakRoot = ca('weak', { key: 'rsa-1024' });
const oddRoot = ca('odd', { key: 'secp256k1' });
const sha1Leaf = leafOf(rsaRoot, { digest: 'sha1' });
const impostor = ca('middle', { by: stranger });
const deep = [root];
for (const name of ['deep 1', 'deep 2', 'deep 3']) deep.unshift(ca(name, { by: deep[0]! }));

const BAD: Record<string, [code: string, given: Given]> = {
  'nothing is trusted': ['chain-anchor-unknown', { leaf, intermediates: [middle], anchors: [] }],
  'only a stranger is trusted': [
    'chain-anchor-unknown',
    { leaf, intermediates: [middle], anchors: [stranger] },
  ],
  'it brings its own root': [
    'chain-anchor-unknown',
    { leaf, intermediates: [middle, root], anchors: [stranger] },
  ],
  'it signed itself': ['chain-anchor-unknown', { leaf: alone, anchors: [root] }],
  'the intermediate is missing': ['chain-anchor-unknown', { leaf, anchors: [root] }],
  'the intermediates are in another order': [
    'chain-issuer-mismatch',
    { leaf, intermediates: [root, middle], anchors: [root] },
  ],
  'an intermediate has nothing to do with it': [
    'chain-issuer-mismatch',
    { leaf, intermediates: [middle, stranger], anchors: [root, stranger] },
  ],
  'an intermediate stands there twice': [
    'chain-surplus',
    { leaf, intermediates: [middle, root, root], anchors: [root] },
  ],
  'the leaf is an anchor and something follows': [
    'chain-surplus',
    { leaf, intermediates: [middle], anchors: [leaf] },
  ],
  'an intermediate is an anchor and an unknown root follows': [
    'chain-surplus',
    { leaf, intermediates: [middle, root], anchors: [middle] },
  ],
  'it has five certificates': [
    'chain-too-long',
    { leaf: leafOf(deep[0]!), intermediates: deep, anchors: [root] },
  ],
  'another key has the name of the intermediate': [
    'chain-signature-invalid',
    { leaf, intermediates: [impostor], anchors: [stranger] },
  ],
  'another key has the name of the anchor': [
    'chain-signature-invalid',
    { leaf, intermediates: [middle], anchors: [ca('root')] },
  ],
  'the leaf is not yet valid': ['chain-not-yet-valid', { leaf, anchors: [middle], ...early }],
  'the leaf is expired': ['chain-expired', { leaf, anchors: [middle], ...late(366) }],
  'the leaf is an anchor but not yet valid': [
    'chain-not-yet-valid',
    { leaf: alone, anchors: [alone], ...early },
  ],
  'the leaf is an anchor but expired': ['chain-expired', { leaf: alone, anchors: [alone], ...late(366) }],
  'the anchor is expired': ['chain-expired', { leaf: leafOf(shortRoot), anchors: [shortRoot], ...late(31) }],
  'an intermediate is expired': [
    'chain-expired',
    { leaf: leafOf(shortMiddle), intermediates: [shortMiddle], anchors: [root], ...late(31) },
  ],
  'of two anchors with the name one is expired and one has another key': [
    'chain-expired',
    { leaf: leafOf(shortRoot), anchors: [ca('root of a month'), shortRoot], ...late(31) },
  ],
  'the intermediate is no CA': [
    'chain-issuer-not-ca',
    { leaf: leafOf(noCa), intermediates: [noCa], anchors: [root] },
  ],
  'the anchor says nothing about being a CA': [
    'chain-issuer-not-ca',
    { leaf: leafOf(noConstraints), anchors: [noConstraints] },
  ],
  'the anchor may not sign certificates': [
    'chain-issuer-usage-wrong',
    { leaf: leafOf(noSigning), anchors: [noSigning] },
  ],
  'the path length of the anchor is exceeded': [
    'chain-path-length-exceeded',
    { leaf: leafOf(belowLimited), intermediates: [belowLimited], anchors: [limited] },
  ],
  'the path length of an intermediate is exceeded': [
    'chain-path-length-exceeded',
    { leaf: leafOf(belowLimited), intermediates: [belowLimited, limited], anchors: [limited] },
  ],
  'the leaf may not sign': [
    'chain-leaf-usage-wrong',
    { leaf: leafOf(root, { extensions: ['keyUsage=nonRepudiation'] }), anchors: [root] },
  ],
  'the leaf is a CA that may only sign certificates': [
    'chain-leaf-usage-wrong',
    { leaf: root, anchors: [root] },
  ],
  'the leaf has a short RSA key': [
    'chain-rsa-too-short',
    { leaf: leafOf(root, { key: 'rsa-1024' }), anchors: [root] },
  ],
  'the anchor has a short RSA key': ['chain-rsa-too-short', { leaf: leafOf(weakRoot), anchors: [weakRoot] }],
  'the leaf has a key of another curve': [
    'chain-key-unsupported',
    { leaf: leafOf(root, { key: 'secp256k1' }), anchors: [root] },
  ],
  'the anchor has a key of another curve': [
    'chain-signature-invalid',
    { leaf: leafOf(oddRoot), anchors: [oddRoot] },
  ],
  'the leaf has an Ed25519 key': [
    'chain-key-unsupported',
    { leaf: leafOf(root, { key: 'ed25519' }), anchors: [root] },
  ],
  'it was signed with SHA-1': ['chain-algorithm-unsupported', { leaf: sha1Leaf, anchors: [rsaRoot] }],
};
for (const [how, [code, given]] of Object.entries(BAD))
  for (const [by, verifier] of Object.entries(VERIFIERS))
    t.test(`a chain is refused when ${how} (${by}): ${code}`, async (t) => {
      t.equal(await outcome(given, verifier), code);
    });

t.test('a certificate counts from its first second to the end of its last', async (t) => {
  const { notBeforeMs, notAfterMs } = parseCertificate(alone.der);
  const at = (atMs: number) => outcome({ leaf: alone, anchors: [alone], atMs });
  t.equal(await at(notBeforeMs - 1), 'chain-not-yet-valid');
  t.strictSame(await at(notBeforeMs), ['alone']);
  t.strictSame(await at(notAfterMs + 999), ['alone']);
  t.equal(await at(notAfterMs + 1000), 'chain-expired');
  t.equal(await at(Number.NaN), 'chain-not-yet-valid');
});

t.test('a refusal says which certificate and which values', async (t) => {
  const given = { leaf: leafOf(belowLimited), intermediates: [belowLimited], anchors: [limited] };
  const result = await verifyChain(request(given));
  t.strictSame(result, {
    ok: false,
    reason: {
      code: 'chain-path-length-exceeded',
      detail: { subject: 'CN=limited', limit: 0, actual: 1 },
    },
  });
});

/** The certificate with each of its bits changed in turn, where it can still be read. */
function* damaged(der: Uint8Array): Generator<Certificate> {
  for (let bit = 0; bit < 8 * der.length; bit++) {
    const changed = der.slice();
    changed[bit >> 3]! ^= 1 << (bit & 7);
    try {
      yield parseCertificate(changed);
    } catch (error) {
      if (!(error instanceof FormatError)) throw error;
    }
  }
}

const CHECKED: Record<string, Given> = {
  'EC certificate': { leaf, anchors: [middle] },
  'RSA certificate': { leaf: leafOf(rsaRoot, { key: 'rsa-2048' }), anchors: [rsaRoot] },
};
for (const [what, given] of Object.entries(CHECKED))
  t.test(`no bit of a signed ${what} can change`, async (t) => {
    const { length } = given.leaf.der;
    let read = 0;
    for (const changed of damaged(given.leaf.der)) {
      read++;
      const result = await verifyChain({ ...request(given), leaf: changed });
      if (result.ok) t.fail('a changed certificate holds');
    }
    t.ok(read > length, 'many changes are readable, and only the signature finds them');
  });

t.test('no bit of an intermediate can change', async (t) => {
  const given = { leaf, intermediates: [middle], anchors: [root] };
  for (const changed of damaged(middle.der)) {
    const result = await verifyChain({ ...request(given), intermediates: [changed] });
    if (result.ok) t.fail('a changed intermediate holds');
  }
});

t.test('with one bit changed nothing is the anchor that it was', async (t) => {
  for (const changed of damaged(alone.der)) {
    const result = await verifyChain({ ...request({ leaf: alone, anchors: [alone] }), leaf: changed });
    if (result.ok) t.fail('a changed anchor holds');
  }
});

t.test('an error of the primitives is no refusal', async (t) => {
  const verifier = { verify: () => Promise.reject(new Error('no primitives')) };
  await t.rejects(verifyChain({ ...request({ leaf, anchors: [middle] }), verifier }), /no primitives/);
});
