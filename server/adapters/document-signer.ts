import { createHash, type KeyObject, sign } from 'node:crypto';
import { join } from 'node:path';
import { detachedCms, MAX_CMS_OVERHEAD, signedAttributes } from '../core/read/encode-cms.ts';
import type { Certificate } from '../core/read/x509.ts';
import type { DocumentSigner } from '../ports/document-signer.ts';
import { ensureKeyFiles, isP256, KeyFileError, type KeyFiles, readKeyFiles } from './key-files.ts';

/** id-kp-documentSigning, RFC 9336 §3.1. */
export const DOCUMENT_SIGNING = '1.3.6.1.5.5.7.3.36';

/** NIST SP 800-131A: nothing below. */
const MIN_RSA_BITS = 2_048;
/** The largest that leaves room in MAX_CMS_OVERHEAD, and that core checks. */
const MAX_RSA_BITS = 8_192;

const isRsa = ({ asymmetricKeyType, asymmetricKeyDetails }: KeyObject): boolean => {
  const bits = asymmetricKeyDetails?.modulusLength ?? 0;
  return asymmetricKeyType === 'rsa' && bits >= MIN_RSA_BITS && bits <= MAX_RSA_BITS;
};

/** What a CA issues for signing documents is RSA in most places still. */
const KIND = {
  fits: (key: KeyObject): boolean => isP256(key) || isRsa(key),
  zh: `不是 P-256 私钥，也不是 ${MIN_RSA_BITS} 至 ${MAX_RSA_BITS} 位的 RSA 私钥`,
  en: `is neither a P-256 key nor an RSA key of ${MIN_RSA_BITS} to ${MAX_RSA_BITS} bits`,
};

/** Reads the configured key and certificate chain (PEM). */
export async function openDocumentSigner(given: Omit<KeyFiles, 'purpose'>): Promise<DocumentSigner> {
  const files: KeyFiles = { purpose: 'PDF', ...given };
  const { key, certificates, leaf } = await readKeyFiles(files, KIND);
  refuseUnfit(leaf, files);
  const algorithm = isP256(key) ? 'ecdsa-with-SHA256' : 'sha256WithRSAEncryption';
  return {
    certificates,
    name: leaf.subject.name,
    maxBytes: certificates.reduce((sum, { length }) => sum + length, MAX_CMS_OVERHEAD),
    sign: async (bytes) => {
      const digest = createHash('sha256').update(bytes).digest();
      const attributes = signedAttributes(digest, certificates[0]!);
      return detachedCms({ attributes, signature: sign('sha256', attributes, key), algorithm, certificates });
    },
  };
}

/** A key that signs documents signs nothing else: the checker of certificates refuses its certificate there. */
function refuseUnfit({ extendedKeyUsage, keyUsage }: Certificate, files: KeyFiles): void {
  if (!extendedKeyUsage?.purposes.includes(DOCUMENT_SIGNING))
    throw new KeyFileError(
      files,
      'CERT',
      `中的证书不用于签署文件：应有扩展用途 documentSigning（${DOCUMENT_SIGNING}）`,
      `holds a certificate that is not for signing documents: it lacks the extended usage documentSigning (${DOCUMENT_SIGNING})`,
    );
  const maySign = ['digitalSignature', 'nonRepudiation'] as const;
  if (keyUsage !== undefined && !maySign.some((usage) => keyUsage.usages.includes(usage)))
    throw new KeyFileError(
      files,
      'CERT',
      '中的证书不得用于签名（应有 digitalSignature 或 nonRepudiation）',
      'holds a certificate that may not sign (it has neither digitalSignature nor nonRepudiation)',
    );
}

/**
 * Of an installation that configured none: made at its first start, under another name than the issuer's, so that whoever
 * sees both does not take one for the other.
 */
export async function ensureDocumentSigner(
  dataDir: string,
  name: string,
  nowMs: number,
): Promise<DocumentSigner> {
  const files = { keyFile: join(dataDir, 'pdf.key.pem'), certFile: join(dataDir, 'pdf.cert.pem') };
  await ensureKeyFiles({ purpose: 'PDF', ...files }, `${name} PDF`, nowMs, [DOCUMENT_SIGNING]);
  return openDocumentSigner(files);
}
