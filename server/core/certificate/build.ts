import { encodeBase64Url } from '../read/base64.ts';
import { utf8 } from '../read/bytes.ts';
import { canonicalize, type Json, type JsonObject } from '../read/json.ts';
import { buildProtected, signingInput } from '../read/jws.ts';
import { bytesToSign, CERTIFICATE_FORMAT } from './certificate.ts';
import { certificateNumber } from './number.ts';

/** What goes into a kezheng-certificate/1, as JSON values in the forms of FORMAT.md. */
export interface CertificateParts {
  readonly year: number;
  readonly serial: number;
  readonly revision: number;
  readonly issuedAt: string;
  readonly entry: JsonObject;
  readonly inclusion: readonly JsonObject[];
  readonly anchors: readonly JsonObject[];
  readonly tokens: readonly JsonObject[];
  readonly stated: readonly { readonly name: string; readonly value: string }[];
}

/** ES256 over the bytes: r ‖ s, low s. */
export type SignBytes = (bytes: Uint8Array) => Promise<Uint8Array>;

/** The exact bytes of the certificate: RFC 8785, signed. */
export async function buildCertificate(
  parts: CertificateParts,
  x5c: readonly Uint8Array[],
  sign: SignBytes,
): Promise<Uint8Array> {
  const { year, serial, stated, ...rest } = parts;
  const unsigned: JsonObject = {
    ...rest,
    stated: stated.map(({ name, value }): Json => ({ name, value })),
    format: CERTIFICATE_FORMAT,
    number: certificateNumber(year, serial),
  };
  const header = buildProtected(x5c);
  const signature = await sign(signingInput(header, bytesToSign(unsigned)));
  return utf8(
    canonicalize({ ...unsigned, signature: { protected: header, signature: encodeBase64Url(signature) } }),
  );
}
