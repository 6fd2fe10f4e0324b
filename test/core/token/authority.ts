import { createHash, createPrivateKey, sign as nodeSign } from 'node:crypto';
import { tokenForm } from '../../../server/core/token/build.ts';
import { PUBLIC_POLICY } from '../../../server/core/token/policies.ts';
import { CA, type Issued, issue } from '../read/openssl.ts';

/*
 * A time-stamp authority of our own making, with certificates by OpenSSL.
 */

export const TIMESTAMPING = [
  'basicConstraints=CA:FALSE',
  'keyUsage=critical,digitalSignature',
  'extendedKeyUsage=critical,timeStamping',
];

export const root: Issued = issue({ subject: '/CN=stamp root', days: 3650, extensions: CA });
export const stamper: Issued = issue({
  subject: '/C=CN/O=可证/CN=stamper',
  by: root,
  days: 3000,
  extensions: TIMESTAMPING,
});

const key = createPrivateKey(stamper.key);
export const sign = (bytes: Uint8Array): Uint8Array => new Uint8Array(nodeSign('sha256', bytes, key));

export const form = tokenForm({ certificate: stamper.der, policy: PUBLIC_POLICY, accuracyMs: 1000 });

export const digestOf = (algorithm: string, bytes: Uint8Array): Uint8Array =>
  new Uint8Array(createHash(algorithm).update(bytes).digest());
