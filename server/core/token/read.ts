import { parseSignedData, type SignedData } from '../read/cms.ts';
import { FormatError } from '../reason.ts';
import { parseTstInfo, type TstInfo } from './info.ts';

/*
 * A TimeStampToken of any authority: CMS SignedData (RFC 5652 §5) over a TSTInfo, with what RFC 3161 §2.4.2 and RFC
 * 5816 demand, DER throughout. What the signature does not cover is refused, or has one possible value, or is compared
 * with what it covers; but for certificates, which are helps that prove themselves. Who signed, verify/token.ts finds out.
 */

/** With a chain of four certificates and RSA-4096 a token has some 9 KiB. */
export const MAX_TOKEN_BYTES = 32_768;

export interface TimeStampToken extends SignedData {
  readonly info: TstInfo;
}

/** id-ct-TSTInfo, RFC 3161 §2.4.2, as `oid` gives it. */
const TST_INFO = '2a864886f70d0109100104';

/** Throws FormatError. */
export function parseToken(bytes: Uint8Array): TimeStampToken {
  if (bytes.length > MAX_TOKEN_BYTES)
    throw new FormatError('token-too-long', { limit: MAX_TOKEN_BYTES, actual: bytes.length });
  const { content, ...signed } = parseSignedData(bytes, { version: 3, contentType: TST_INFO });
  return { ...signed, info: parseTstInfo(content) };
}
