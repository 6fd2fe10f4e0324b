import { createPrivateKey, createPublicKey, type KeyObject, randomBytes, webcrypto } from 'node:crypto';
import { readFile } from 'node:fs/promises';
// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { type Certificate, parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';
import { writeDurably } from './files.ts';

/*
 * A private key and its certificates in PEM files, as settings name them or as the first start makes them. What cannot
 * be used is told by file and setting.
 */

/** Settings come in pairs: KEZHENG_…_KEY_FILE and KEZHENG_…_CERT_FILE. */
export type Purpose = 'ISSUER' | 'TSA' | 'PDF';

export interface GivenKeyFiles {
  readonly keyFile: string;
  readonly certFile: string;
  /** holds the pass phrase of an encrypted key: KEZHENG_…_KEY_PASSWORD_FILE, where there is such a setting */
  readonly passwordFile?: string | undefined;
}

export interface KeyFiles extends GivenKeyFiles {
  readonly purpose: Purpose;
}

/** Purposes whose key may be encrypted. */
const WITH_PASSWORD: readonly Purpose[] = ['TSA'];

export interface KeyPair {
  readonly key: KeyObject;
  /** DER, the key's own first */
  readonly certificates: readonly Uint8Array[];
  readonly leaf: Certificate;
}

const PATHS = {
  KEY: ({ keyFile }: KeyFiles) => keyFile,
  CERT: ({ certFile }: KeyFiles) => certFile,
  KEY_PASSWORD: ({ passwordFile }: KeyFiles) => passwordFile ?? '',
};

/** A key or its certificate cannot be used; the sentence says which file and setting, and why. */
export class KeyFileError extends Error {
  constructor(files: KeyFiles, what: keyof typeof PATHS, zh: string, en: string, cause?: unknown) {
    const setting = `KEZHENG_${files.purpose}_${what}_FILE`;
    const file = PATHS[what](files);
    super(`${setting}：${file} ${zh} / ${setting}: ${file} ${en}`, { cause });
    this.name = 'KeyFileError';
  }
}

/** A CA's chain has a root and an intermediate or two above the certificate that signs. */
const MAX_CERTIFICATES = 4;

const YEARS = 10;

/** Which keys are taken, and how that is said. */
export interface KeyKind {
  readonly fits: (key: KeyObject) => boolean;
  readonly zh: string;
  readonly en: string;
}

export const isP256 = (key: KeyObject): boolean =>
  key.asymmetricKeyType === 'ec' && key.asymmetricKeyDetails?.namedCurve === 'prime256v1';

/** Reads both files; the key is of a kind that is taken, and the one of the first certificate. */
export async function readKeyFiles(files: KeyFiles, kind: KeyKind): Promise<KeyPair> {
  const key = readKey(await read(files, 'KEY'), files, kind, await readPassword(files));
  const certificates = certificatesIn(await read(files, 'CERT'), files);
  const leaf = firstOf(certificates, files);
  const own = createPublicKey(key).export({ type: 'spki', format: 'der' });
  const setting = `KEZHENG_${files.purpose}_KEY_FILE`;
  if (!own.equals(leaf.spki))
    throw new KeyFileError(
      files,
      'CERT',
      `中的第一份证书不是 ${setting}（${files.keyFile}）这一私钥的证书`,
      `begins with a certificate that is not of the key in ${setting} (${files.keyFile})`,
    );
  return { key, certificates, leaf };
}

async function read(files: KeyFiles, what: keyof typeof PATHS): Promise<string> {
  try {
    return await readFile(PATHS[what](files), 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new KeyFileError(files, what, `无法读取（${code}）`, `cannot be read (${code})`, error);
  }
}

/** A line end behind it does not belong to it. */
const readPassword = async (files: KeyFiles): Promise<string | undefined> =>
  files.passwordFile === undefined ? undefined : (await read(files, 'KEY_PASSWORD')).replace(/\r?\n$/, '');

function readKey(
  pem: string,
  files: KeyFiles,
  { fits, zh, en }: KeyKind,
  password: string | undefined,
): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(password !== undefined && { passphrase: password }) });
  } catch (error) {
    const setting = `KEZHENG_${files.purpose}_KEY_PASSWORD_FILE`;
    const [zhWhy, enWhy] = WITH_PASSWORD.includes(files.purpose)
      ? [
          `不是 PEM 私钥，或口令（${setting}）缺失、不符`,
          `is no private key in PEM, or its pass phrase (${setting}) is missing or another one`,
        ]
      : ['不是未加密的 PEM 私钥', 'is no private key in PEM, or is encrypted'];
    throw new KeyFileError(files, 'KEY', zhWhy, enWhy, error);
  }
  if (!fits(key)) throw new KeyFileError(files, 'KEY', zh, en);
  return key;
}

function certificatesIn(pem: string, files: KeyFiles): Uint8Array<ArrayBuffer>[] {
  const chain = decoded(pem);
  if (chain.length < 1 || chain.length > MAX_CERTIFICATES)
    throw new KeyFileError(
      files,
      'CERT',
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

function firstOf([first]: readonly Uint8Array[], files: KeyFiles): Certificate {
  try {
    return parseCertificate(first!);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new KeyFileError(
      files,
      'CERT',
      `中的证书无法使用（${error.code}）`,
      `holds a certificate that cannot be used (${error.code})`,
      error,
    );
  }
}

/**
 * P-256 key and self-signed certificate of an installation that configured none: made once, the key readable by its
 * owner only. A crash between the two files leaves a key without a certificate, and the next start makes both anew,
 * before anything was signed.
 */
export async function ensureKeyFiles(
  files: KeyFiles,
  name: string,
  nowMs: number,
  /** object identifiers of the extended usages; none: no such extension */
  purposes: readonly string[] = [],
): Promise<void> {
  const present = await readFile(files.certFile).then(
    () => true,
    () => false,
  );
  if (present) return;
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
      ...(purposes.length > 0 ? [new x509.ExtendedKeyUsageExtension([...purposes])] : []),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', keys.privateKey);
  await writeDurably(files.keyFile, x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), 0o600);
  await writeDurably(files.certFile, certificate.toString('pem'), 0o644);
}
