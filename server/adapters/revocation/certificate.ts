// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { equalBytes } from '../../core/read/bytes.ts';
import { bitStringBytes, parseDer } from '../../core/read/der.ts';
import { RevocationProblem } from '../../ports/revocation.ts';

/** What it takes to ask about a certificate, and to be the issuer of another that is asked about. */
export interface Subject {
  /** DER of the names. */
  readonly issuer: Uint8Array;
  readonly subject: Uint8Array;
  /** Content of the INTEGER. */
  readonly serial: Uint8Array;
  /** Content of the key's BIT STRING: what RFC 6960 §4.1.1 hashes as the issuer's key. */
  readonly key: Uint8Array;
  readonly crlAddresses: readonly string[];
  readonly ocspAddresses: readonly string[];
}

/** Whoever made a certificate decides how many addresses it names, and so how often we call. */
const MAX_ADDRESSES = 4;

/** A longer certificate is none of a time-stamp authority's, and none that a certificate of ours could carry. */
const MAX_CERTIFICATE_BYTES = 8_192;

/** The certificate came from outside: whatever the library throws at it means that it cannot be read. */
export function readSubject(der: Uint8Array): Subject {
  try {
    if (der.length > MAX_CERTIFICATE_BYTES) throw new Error(`${der.length} bytes`);
    const certificate = new x509.X509Certificate(new Uint8Array(der));
    const tbs = fieldsOfTbs(der);
    return {
      ...tbs,
      crlAddresses: crlAddresses(certificate),
      ocspAddresses: ocspAddresses(certificate),
    };
  } catch (error) {
    throw new RevocationProblem('revocation-certificate-unreadable', {}, error);
  }
}

/** RFC 5280 §4.1: version, serial number, algorithm, issuer, validity, subject, key. The bytes as they stand, since they are hashed. */
function fieldsOfTbs(der: Uint8Array): Pick<Subject, 'issuer' | 'subject' | 'serial' | 'key'> {
  const [, serial, , issuer, , subject, spki] = parseDer(der).children[0]!.children;
  return {
    serial: serial!.content,
    issuer: issuer!.raw,
    subject: subject!.raw,
    key: bitStringBytes(spki!.children[1]!),
  };
}

/** A certificate that is its own issuer is trusted or not; nobody can say more about it. */
export const isOwnIssuer = ({ issuer, subject }: Subject): boolean => equalBytes(issuer, subject);

/** RFC 5280 §4.2.1.13. Points for some reasons only, or with lists of somebody else, answer no question alone. */
function crlAddresses(certificate: x509.X509Certificate): readonly string[] {
  const extension = certificate.getExtension(x509.CRLDistributionPointsExtension);
  const names = (extension?.distributionPoints ?? [])
    .filter(({ reasons, cRLIssuer }) => reasons === undefined && cRLIssuer === undefined)
    .flatMap(({ distributionPoint }) => distributionPoint?.fullName ?? []);
  return overHttp(names.map((name) => name.uniformResourceIdentifier));
}

/** RFC 5280 §4.2.2.1. */
function ocspAddresses(certificate: x509.X509Certificate): readonly string[] {
  const extension = certificate.getExtension(x509.AuthorityInfoAccessExtension);
  return overHttp((extension?.ocsp ?? []).map((name) => (name.type === 'url' ? name.value : undefined)));
}

/** Directories (ldap) are asked by nobody any more. */
const overHttp = (addresses: readonly (string | undefined)[]): readonly string[] =>
  addresses
    .filter((address) => address !== undefined)
    .filter((address) => /^https?:/i.test(address))
    .slice(0, MAX_ADDRESSES);
