import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { normalizeSignature } from '../core/read/jws.ts';
import { parseCertificate } from '../core/read/x509.ts';
import type { Issuer } from '../ports/issuer.ts';
import { writeDurably } from './files.ts';

/** The key or its certificate cannot be used; the sentence says why. */
export class IssuerError extends Error {}

const YEARS = 10;

/** Reads the configured key and certificate chain (PEM); the key may be encrypted only where a pass phrase is asked for. */
export async function openIssuer(files: {
  readonly keyFile: string;
  readonly certFile: string;
}): Promise<Issuer> {
  const key = readKey(await readFile(files.keyFile, 'utf8'), files.keyFile);
  const chain = x509.PemConverter.decode(await readFile(files.certFile, 'utf8')).map(
    (der) => new Uint8Array(der),
  );
  if (chain.length < 1 || chain.length > 4)
    throw new IssuerError(`${files.certFile}: 1 to 4 certificates are needed`);
  const leaf = parseCertificate(chain[0]!);
  const own = createPublicKey(key).export({ type: 'spki', format: 'der' });
  if (!own.equals(leaf.spki))
    throw new IssuerError(`${files.certFile}: the first certificate is not of this key`);
  return {
    x5c: chain,
    name: leaf.subject.name,
    async sign(bytes) {
      return normalizeSignature(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

function readKey(pem: string, file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new IssuerError(`${file}: not a readable private key`, { cause: error });
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new IssuerError(`${file}: certificates are signed with a P-256 key`);
  return key;
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

async function makeIssuer(
  files: { readonly keyFile: string; readonly certFile: string },
  name: string,
  nowMs: number,
): Promise<void> {
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
