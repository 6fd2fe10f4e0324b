import { randomBytes, sign, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { normalizeSignature } from '../core/read/jws.ts';
import type { Issuer } from '../ports/issuer.ts';
import { writeDurably } from './files.ts';
import { readSigningFiles, type SigningFiles } from './signing-files.ts';

const SETTINGS = { key: 'ISSUER_KEY_FILE', cert: 'ISSUER_CERT_FILE' } as const;

const YEARS = 10;

/** Reads the configured key and certificate chain; throws SigningFilesError. */
export async function openIssuer(files: SigningFiles): Promise<Issuer> {
  const { key, chain, leaf } = await readSigningFiles(files, SETTINGS);
  return {
    x5c: chain,
    name: leaf.subject.name,
    async sign(bytes) {
      return normalizeSignature(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

/**
 * Key and self-signed certificate of an installation that configured none: made once, the key readable by its owner
 * only. A crash between the two files leaves a key without a certificate, and the next start makes both anew, before
 * anything was signed.
 */
export async function ensureIssuer(dataDir: string, name: string, nowMs: number): Promise<Issuer> {
  const files = { keyFile: join(dataDir, 'issuer.key.pem'), certFile: join(dataDir, 'issuer.cert.pem') };
  const present = await readFile(files.certFile).then(
    () => true,
    () => false,
  );
  if (!present) await makeIssuer(files, name, nowMs);
  return openIssuer(files);
}

async function makeIssuer(files: SigningFiles, name: string, nowMs: number): Promise<void> {
  x509.cryptoProvider.set(webcrypto as never);
  const keys = (await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;
  const notAfter = new Date(nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS);
  const certificate = await x509.X509CertificateGenerator.createSelfSigned({
    serialNumber: `4b${randomBytes(15).toString('hex')}`,
    name: [{ CN: [name] }],
    notBefore: new Date(nowMs - 60_000),
    notAfter,
    keys: keys as never,
    signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' },
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  await writeDurably(files.keyFile, x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), 0o600);
  await writeDurably(files.certFile, certificate.toString('pem'), 0o644);
}
