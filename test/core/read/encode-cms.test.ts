import { createHash, createPrivateKey, sign } from 'node:crypto';
import { readFileSync } from 'node:fs';
import t from 'tap';
import { equalBytes } from '../../../server/core/read/bytes.ts';
import { parseSignedData } from '../../../server/core/read/cms.ts';
import { TAG } from '../../../server/core/read/der.ts';
import {
  type CmsAlgorithm,
  detachedCms,
  signedAttributes,
  withSignatureTimeStamp,
} from '../../../server/core/read/encode-cms.ts';
import { encode } from '../../../server/core/read/encode-der.ts';
import { refusal } from '../../support/format-error.ts';
import { file, token } from '../token/authority.ts';
import { CA, type Issued, issue, LEAF, openssl } from './openssl.ts';
import { elementAt, replaced } from './rebuild.ts';

/* A detached signature of ours, read back by core and by openssl. */

const ID_DATA = '2a864886f70d010701';
const root = issue({ subject: '/CN=root', extensions: CA });
const ec = issue({ subject: '/CN=ec', by: root, extensions: LEAF });
const rsa = issue({ subject: '/CN=rsa', by: root, key: 'rsa-2048', extensions: LEAF });
const BYTES = Buffer.from('what is signed');

function made(by: Issued, certificates: readonly Uint8Array[] = [by.der, root.der]): Uint8Array {
  const attributes = signedAttributes(createHash('sha256').update(BYTES).digest(), by.der);
  const algorithm: CmsAlgorithm = by === rsa ? 'sha256WithRSAEncryption' : 'ecdsa-with-SHA256';
  const signature = sign('sha256', attributes, createPrivateKey(by.key));
  return detachedCms({ attributes, signature, algorithm, certificates });
}

const read = (cms: Uint8Array) => parseSignedData(cms, { version: 1, contentType: ID_DATA, detached: BYTES });

const verified = (cms: Uint8Array): Buffer =>
  openssl([
    ...['cms', '-verify', '-cades', '-binary', '-inform', 'DER', '-in', file(cms), '-content', file(BYTES)],
    ...['-CAfile', root.files.certificate, '-purpose', 'any', '-out', file('')],
  ]);

t.test('core and openssl read it, whatever the order of its certificates', async (t) => {
  for (const by of [ec, rsa]) {
    for (const certificates of [
      [by.der, root.der],
      [by.der, root.der, rsa === by ? ec.der : rsa.der],
      [by.der, by.der],
    ]) {
      const cms = made(by, certificates);
      const { algorithm, certificates: found } = read(cms);
      t.equal(algorithm, by === rsa ? 'rsa-sha256' : 'ecdsa-sha256-der');
      t.equal(found.length, certificates.length);
      t.doesNotThrow(() => verified(cms));
    }
    t.throws(() => verified(made(by).with(-1, made(by).at(-1)! ^ 1)));
  }
});

t.test('a time-stamp is added, and nothing else changes', async (t) => {
  for (const by of [ec, rsa]) {
    const cms = made(by);
    const stamp = token();
    const stamped = withSignatureTimeStamp(cms, stamp);
    t.ok(equalBytes(elementAt(stamped, '/1/0/4/0/6/0/1/0').raw, stamp));
    const signer = elementAt(stamped, '/1/0/4/0').children;
    t.equal(signer.length, 7);
    const without = encode(TAG.sequence, ...signer.slice(0, 6).map(({ raw }) => raw));
    t.ok(equalBytes(replaced(stamped, { '/1/0/4/0': [without] }), cms));
    t.doesNotThrow(() => verified(stamped));
    const shown = openssl(['cms', '-cmsout', '-print', '-inform', 'DER', '-in', file(stamped)]).toString();
    t.match(shown, 'id-smime-aa-timeStampToken');
    t.equal(
      refusal(() => read(stamped)),
      'token-unsigned-part',
    );
    t.equal(
      refusal(() => withSignatureTimeStamp(stamped, stamp)),
      'token-shape-wrong',
      'once',
    );
  }
  for (const other of ['3000', '30020500', '3004a0023000', '300606012aa0013000'])
    t.ok(
      refusal(() => withSignatureTimeStamp(Buffer.from(other, 'hex'), token())),
      other,
    );
});

t.test('without the name of its signer it is read by whoever knows him, and by nobody else', async (t) => {
  const out = file('');
  openssl([
    ...['cms', '-sign', '-binary', '-in', file(BYTES), '-outform', 'DER', '-out', out],
    ...['-signer', ec.files.certificate, '-inkey', ec.files.key],
  ]);
  const cms = new Uint8Array(readFileSync(out));
  t.equal(
    refusal(() => read(cms)),
    'token-signer-unnamed',
  );
  const known = parseSignedData(cms, {
    version: 1,
    contentType: ID_DATA,
    detached: BYTES,
    signerKnown: true,
  });
  t.strictSame(known.signerIds, []);
});
