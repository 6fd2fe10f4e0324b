import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, sign, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { join } from 'node:path';
// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { normalizeSignature } from '../core/read/jws.ts';
import { parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import type { Issuer } from '../ports/issuer.ts';
import { writeDurably } from './files.ts';

/** The key or its certificate cannot be used; the sentence says which file and setting, and why. */
export class IssuerError extends Error {
  constructor(what: 'KEY' | 'CERT', file: string, zh: string, en: string, cause?: unknown) {
    const setting = `KEZHENG_ISSUER_${what}_FILE`;
    super(`${setting}：${file} ${zh} / ${setting}: ${file} ${en}`, { cause });
    this.name = 'IssuerError';
  }
}

/** A CA's chain has a root and an intermediate or two above the certificate that signs. */
const MAX_CERTIFICATES = 4;

const YEARS = 10;

/** Reads the configured key and certificate chain (PEM); the key may be encrypted only where a pass phrase is asked for. */
export async function openIssuer(files: {
  readonly keyFile: string;
  readonly certFile: string;
}): Promise<Issuer> {
  const key = readKey(await read('KEY', files.keyFile), files.keyFile);
  const chain = certificatesIn(await read('CERT', files.certFile), files.certFile);
  const leaf = firstOf(chain, files.certFile);
  const own = createPublicKey(key).export({ type: 'spki', format: 'der' });
  if (!own.equals(leaf.spki))
    throw new IssuerError(
      'CERT',
      files.certFile,
      `中的第一份证书不是 KEZHENG_ISSUER_KEY_FILE（${files.keyFile}）这一私钥的证书`,
      `begins with a certificate that is not of the key in KEZHENG_ISSUER_KEY_FILE (${files.keyFile})`,
    );
  return {
    x5c: chain,
    name: leaf.subject.name,
    async sign(bytes) {
      return normalizeSignature(sign('sha256', bytes, { key, dsaEncoding: 'ieee-p1363' }));
    },
  };
}

async function read(what: 'KEY' | 'CERT', file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new IssuerError(what, file, `无法读取（${code}）`, `cannot be read (${code})`, error);
  }
}

function readKey(pem: string, file: string): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey(pem);
  } catch (error) {
    throw new IssuerError(
      'KEY',
      file,
      '不是未加密的 PEM 私钥',
      'is no private key in PEM, or is encrypted',
      error,
    );
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new IssuerError('KEY', file, '不是 P-256 私钥', 'is no P-256 key');
  return key;
}

function certificatesIn(pem: string, file: string): Uint8Array<ArrayBuffer>[] {
  const chain = decoded(pem);
  if (chain.length < 1 || chain.length > MAX_CERTIFICATES)
    throw new IssuerError(
      'CERT',
      file,
      `应有 1 至 ${MAX_CERTIFICATES} 份 PEM 证书`,
      `does not hold 1 to ${MAX_CERTIFICATES} certificates in PEM`,
    );
  return chain;
}

function decoded(pem: string): Uint8Array<ArrayBuffer>[] {
  try {
    return x509.PemConverter.decode(pem).map((der) => new Uint8Array(der));
  } catch {
    return [];
  }
}

function firstOf([first]: readonly Uint8Array[], file: string): ReturnType<typeof parseCertificate> {
  try {
    return parseCertificate(first!);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new IssuerError(
      'CERT',
      file,
      `中的证书无法使用（${error.code}）`,
      `holds a certificate that cannot be used (${error.code})`,
      error,
    );
  }
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
