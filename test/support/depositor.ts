import { createHash, generateKeyPairSync, sign } from 'node:crypto';
import { type Stated, statementBytes } from '../../server/core/entry/statement.ts';

/** A depositor with a key of his own (P-256), as any program makes one. */
export function newDepositor() {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const spki = publicKey.export({ format: 'der', type: 'spki' });
  return {
    spki,
    /** as reports print it */
    fingerprint: createHash('sha256').update(spki).digest('hex'),
    pem: privateKey.export({ format: 'pem', type: 'pkcs8' }) as string,
    publicPem: publicKey.export({ format: 'pem', type: 'spki' }) as string,
    /** over this, which has to be as the manifest will have it */
    sign(stated: unknown, signedAt = new Date().toISOString()) {
      const message = statementBytes(stated as Stated, { publicKey: spki, signedAt });
      const signature = sign('sha256', message, { key: privateKey, dsaEncoding: 'ieee-p1363' });
      return {
        format: 'kezheng-statement/1',
        publicKey: spki.toString('base64'),
        signature: signature.toString('base64'),
        signedAt,
      };
    },
  };
}
