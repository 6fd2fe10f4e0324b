import { createPrivateKey, sign } from 'node:crypto';
import { issuerCertificate, issuerKey, trustList } from '../../scripts/vectors/sample.ts';
import { sha256 } from '../../server/core/hash/sha256.ts';
import { encodeBase64, encodeBase64Url } from '../../server/core/read/base64.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { normalizeSignature } from '../../server/core/read/jws.ts';
import { parseTrust, type Trust } from '../../server/core/verify/trust.ts';
import type { Issuer } from '../../server/ports/issuer.ts';

/*
 * The issuer of the test vectors, signing by OpenSSL, which is twenty times as fast. Its signatures differ from run to
 * run; nothing that happens depends on their bytes.
 */

const point = issuerKey.spki.slice(-64);
const key = createPrivateKey({
  format: 'jwk',
  key: {
    ...{
      kty: 'EC',
      crv: 'P-256',
      x: encodeBase64Url(point.slice(0, 32)),
      y: encodeBase64Url(point.slice(32)),
    },
    d: encodeBase64Url(sha256(utf8('kezheng test vector key: issuer'))),
  },
});

export const issuer: Issuer = {
  x5c: [issuerCertificate],
  name: 'simulated',
  sign: async (bytes) => normalizeSignature(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' })),
};

export const TRUST: Trust = parseTrust(
  utf8(
    JSON.stringify(
      trustList({ issuers: [{ name: 'simulated', certificates: [encodeBase64(issuerCertificate)] }] }),
    ),
  ),
);
