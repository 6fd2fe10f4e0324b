import { sign } from 'node:crypto';
import { join } from 'node:path';
import { normalizeSignature } from '../core/read/jws.ts';
import type { Issuer } from '../ports/issuer.ts';
import { ensureKeyFiles, isP256, type KeyFiles, readKeyFiles } from './key-files.ts';

const KIND = { fits: isP256, zh: '不是 P-256 私钥', en: 'is no P-256 key' };

/** Reads the configured key and certificate chain (PEM). */
export async function openIssuer(files: Omit<KeyFiles, 'purpose'>): Promise<Issuer> {
  const { key, certificates, leaf } = await readKeyFiles({ purpose: 'ISSUER', ...files }, KIND);
  return {
    x5c: certificates,
    name: leaf.subject.name,
    async sign(bytes) {
      return normalizeSignature(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

/** Of an installation that configured none: made at its first start. */
export async function ensureIssuer(dataDir: string, name: string, nowMs: number): Promise<Issuer> {
  const files = { keyFile: join(dataDir, 'issuer.key.pem'), certFile: join(dataDir, 'issuer.cert.pem') };
  await ensureKeyFiles({ purpose: 'ISSUER', ...files }, name, nowMs);
  return openIssuer(files);
}
