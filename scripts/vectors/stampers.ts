import { type CertificateKey, largeKey, signingKey } from './keys.ts';
import { rsaKey } from './rsa.ts';
import type { Stamper } from './token.ts';
import { type CertificateRequest, makeCertificate } from './x509.ts';

/*
 * Who signs the tokens of the test vectors: the operator's own authority, and outside ones with every kind of key.
 */

export const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';
export const DOCUMENT_SIGNING = '1.3.6.1.5.5.7.3.36';

const validity = { notBefore: '260101000000', notAfter: '360101000000' } as const;

let serial = 100;
export const certify = (
  request: Pick<CertificateRequest, 'subject' | 'issuer' | 'key' | 'signer'> & Partial<CertificateRequest>,
): Uint8Array => makeCertificate({ ca: false, serial: serial++, ...validity, ...request });

/** A signer with a certificate for time stamps, unless something about it is meant to be wrong. */
export const stamperOf = (
  subject: string,
  key: CertificateKey,
  issuer: string,
  signer: CertificateKey,
  more: Partial<CertificateRequest> = {},
): Stamper => ({
  certificate: certify({ subject, issuer, key, signer, purposes: [TIME_STAMPING], ...more }),
  key,
});

const self = (subject: string, key: CertificateKey): Uint8Array =>
  certify({ subject, issuer: subject, key, signer: key, ca: true, lists: true });

export const OWN_ROOT = 'kezheng test stamp root';
export const ownRootKey = signingKey('stamp root');
export const ownRoot = self(OWN_ROOT, ownRootKey);
export const ownKey = signingKey('stamper');
export const own = stamperOf('kezheng test stamper', ownKey, OWN_ROOT, ownRootKey);

/** An authority as they are: an RSA root that one trusts, a CA below it, an RSA key that stamps. */
export const AUTHORITY_ROOT = 'outside root';
export const AUTHORITY_CA = 'outside time-stamp CA';
export const authorityRootKey = rsaKey('rsa2048', 'sha384');
export const authorityRoot = self(AUTHORITY_ROOT, authorityRootKey);
export const authorityCaKey = largeKey('outside CA', 'P-384');
export const authorityCa = certify({
  subject: AUTHORITY_CA,
  issuer: AUTHORITY_ROOT,
  key: authorityCaKey,
  signer: authorityRootKey,
  ca: true,
  lists: true,
});
export const outside = stamperOf(
  'outside stamper',
  rsaKey('rsa2048', 'sha512'),
  AUTHORITY_CA,
  authorityCaKey,
);
export const outside384 = stamperOf('outside P-384', largeKey('a', 'P-384'), AUTHORITY_CA, authorityCaKey);
export const outside521 = stamperOf('outside P-521', largeKey('b', 'P-521'), AUTHORITY_CA, authorityCaKey);
export const outside256 = stamperOf('outside P-256', signingKey('c'), AUTHORITY_CA, authorityCaKey);
export const outsideRsa256 = stamperOf(
  'outside RSA',
  rsaKey('rsa2048', 'sha256'),
  AUTHORITY_CA,
  authorityCaKey,
);
export const shortRsa = stamperOf('short RSA', rsaKey('rsa1024', 'sha256'), AUTHORITY_CA, authorityCaKey);

export const lasting = stamperOf('lasting stamper', signingKey('f'), AUTHORITY_CA, authorityCaKey, {
  notAfter: '99991231235959',
});
/** It signs certificates and no lists. */
export const listlessKey = signingKey('listless');
export const listless = certify({
  subject: 'outside CA without lists',
  issuer: AUTHORITY_ROOT,
  key: listlessKey,
  signer: authorityRootKey,
  ca: true,
});
export const belowListless = stamperOf('below', signingKey('g'), 'outside CA without lists', listlessKey);

/** Nobody lists this one. */
const strangerKey = signingKey('stranger root');
export const strangerRoot = self('stranger root', strangerKey);
export const stranger = stamperOf('stranger stamper', signingKey('d'), 'stranger root', strangerKey);
/** Of the same name as the authority's CA. */
export const namesakeKey = signingKey('namesake');
