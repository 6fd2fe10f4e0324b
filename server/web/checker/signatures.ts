import { webCryptoSignatures } from '../../adapters/signatures.ts';
import type { SignatureVerifier } from '../../core/verify/signatures.ts';
import { plainSignatures } from './plain-signatures.ts';

/** Browsers leave `subtle` out of pages that came over plain http from another machine (W3C Secure Contexts). */
const subtle: SubtleCrypto | undefined = globalThis.crypto?.subtle;

export const signatures: SignatureVerifier =
  subtle === undefined ? plainSignatures : webCryptoSignatures(subtle);
