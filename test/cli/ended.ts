import { signingKey } from '../../scripts/vectors/keys.ts';
import { CERTIFICATE, OLD, renew } from '../../scripts/vectors/renewal-cases.ts';
import { TIME_STAMPING } from '../../scripts/vectors/stampers.ts';
import { makeCertificate } from '../../scripts/vectors/x509.ts';

/*
 * An authority that stamped for three weeks in November 2026 and has ended: its renewal of the vectors' certificate, and
 * the renewal of that by another, made while it was good.
 */

const key = signingKey('ended root');
const stamper = signingKey('ended stamper');
const validity = { notBefore: '261101000000', notAfter: '261125000000' } as const;
const common = { issuer: 'ended root', signer: key, ...validity };

export const endedRoot = makeCertificate({ ...common, subject: 'ended root', key, serial: 1, ca: true });

const by = {
  certificate: makeCertificate({
    ...common,
    subject: 'ended stamper',
    key: stamper,
    serial: 2,
    ca: false,
    purposes: [TIME_STAMPING],
  }),
  key: stamper,
};

export const endedRenewal = renew(CERTIFICATE, { by, chain: [], policy: '1.2.3.4.1' }, '2026-11-23');
export const endedTwice = renew(endedRenewal, OLD, '2026-11-24');
