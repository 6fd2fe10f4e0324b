import { createPrivateKey, createPublicKey, type KeyObject, sign } from 'node:crypto';
import { equalBytes } from '../core/read/bytes.ts';
import type { CmsAlgorithm } from '../core/read/encode-cms.ts';
import type { Certificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { MAX_CHAIN } from '../core/verify/chain.ts';
import { readable } from '../core/verify/signer.ts';
import { type OfficeSignature, Pkcs12Problem } from '../ports/office-key.ts';
import { isP256 } from './key-files.ts';
import { forget, unlocking } from './pkcs12/keys.ts';
import { type Opened, openPkcs12 } from './pkcs12/read.ts';

/*
 * The key of a notary office in an encrypted PKCS#12 file (RFC 7292), unlocked for one signature. Nothing of it is kept:
 * what was derived and decrypted is overwritten where Node lets us, and no error holds any of it.
 */

/** A key of RSA-8192 and a chain of four take some 25 KiB. */
export const MAX_PKCS12_BYTES = 131_072;

/** NIST SP 800-131A, and the largest that core checks. */
const MIN_RSA_BITS = 2_048;
const MAX_RSA_BITS = 8_192;

/** `bytesToSign` gets the chain of the key, since what is signed names its certificate. Throws Pkcs12Problem. */
export async function signWithPkcs12(
  pfx: Uint8Array,
  passphrase: string,
  nowMs: number,
  bytesToSign: (certificates: readonly Uint8Array[]) => Uint8Array,
): Promise<OfficeSignature> {
  if (pfx.length > MAX_PKCS12_BYTES)
    throw new Pkcs12Problem('pkcs12-too-large', { limit: MAX_PKCS12_BYTES, actual: pfx.length });
  const { keys, certificates } = await opened(pfx, passphrase);
  try {
    const key = onlyKey(keys);
    const algorithm = algorithmOf(key);
    const chain = chainOf(key, certificates, nowMs);
    refuseUnfit(chain[0]!, nowMs);
    const raw = chain.map((certificate) => certificate.raw);
    return { certificates: raw, algorithm, signature: sign('sha256', bytesToSign(raw), key) };
  } finally {
    for (const key of keys) key.fill(0);
  }
}

async function opened(pfx: Uint8Array, passphrase: string): Promise<Opened> {
  const unlocked = unlocking(passphrase);
  try {
    return await openPkcs12(pfx, unlocked);
  } catch (error) {
    // What core says of bytes that somebody decrypted could tell of them: only that they are not as they should be.
    if (error instanceof FormatError) throw new Pkcs12Problem('pkcs12-malformed');
    throw error;
  } finally {
    forget(unlocked);
  }
}

/** Which of several keys an office means to sign with, nobody could tell. */
function onlyKey([first, ...others]: readonly Buffer[]): KeyObject {
  if (first === undefined) throw new Pkcs12Problem('pkcs12-key-missing');
  if (others.length > 0) throw new Pkcs12Problem('pkcs12-keys-several', { count: 1 + others.length });
  try {
    return createPrivateKey({ key: first, format: 'der', type: 'pkcs8' });
  } catch {
    // SM2 among others: OpenSSL as Node has it reads no such key.
    throw new Pkcs12Problem('pkcs12-key-unsupported');
  }
}

function algorithmOf(key: KeyObject): CmsAlgorithm {
  if (isP256(key)) return 'ecdsa-with-SHA256';
  const bits = key.asymmetricKeyDetails?.modulusLength ?? 0;
  if (key.asymmetricKeyType === 'rsa' && bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS)
    return 'sha256WithRSAEncryption';
  throw new Pkcs12Problem('pkcs12-key-unsupported');
}

/** The certificate of the key, then as many issuers as the file has; what leads nowhere is left out. */
function chainOf(key: KeyObject, raws: readonly Uint8Array[], nowMs: number): readonly Certificate[] {
  const all = raws.flatMap((raw) => readable(raw) ?? []);
  const spki = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const own = all.filter((one) => equalBytes(one.spki, spki));
  const leaf = own.find((one) => isInForce(one, nowMs)) ?? own[0];
  if (leaf === undefined) throw new Pkcs12Problem('pkcs12-certificate-missing');
  const chain = [leaf];
  while (chain.length < MAX_CHAIN) {
    const { issuer } = chain.at(-1)!;
    const next = all.find((one) => !chain.includes(one) && equalBytes(one.subject.raw, issuer.raw));
    if (next === undefined) break;
    chain.push(next);
  }
  return chain;
}

/** RFC 5280 §4.1.2.5: notAfter is included, and it is given to the second. */
const isInForce = ({ notBeforeMs, notAfterMs }: Certificate, nowMs: number): boolean =>
  nowMs >= notBeforeMs && nowMs < notAfterMs + 1_000;

function refuseUnfit(leaf: Certificate, nowMs: number): void {
  const { notBeforeMs, notAfterMs, keyUsage } = leaf;
  const instant = (ms: number): string => new Date(ms).toISOString();
  if (!isInForce(leaf, nowMs))
    throw nowMs < notBeforeMs
      ? new Pkcs12Problem('pkcs12-certificate-not-yet-valid', { notBefore: instant(notBeforeMs) })
      : new Pkcs12Problem('pkcs12-certificate-expired', { notAfter: instant(notAfterMs) });
  const maySign = ['digitalSignature', 'nonRepudiation'] as const;
  if (keyUsage !== undefined && !maySign.some((usage) => keyUsage.usages.includes(usage)))
    throw new Pkcs12Problem('pkcs12-certificate-usage');
}
