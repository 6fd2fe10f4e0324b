import { createPrivateKey, createPublicKey, type KeyObject } from 'node:crypto';
import { readFile } from 'node:fs/promises';
// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { type Certificate, parseCertificate } from '../core/read/x509.ts';
import { FormatError } from '../core/reason.ts';

/*
 * A private key and the certificates that say whose it is, as an operator configures them: PEM, the key's own
 * certificate first.
 */

/** Settings that name the files, without prefix. */
export interface FileSettings {
  readonly key: string;
  readonly cert: string;
  /** where an encrypted key is allowed: a file with its pass phrase */
  readonly password?: string;
}

export interface SigningFiles {
  readonly keyFile: string;
  readonly certFile: string;
  readonly passwordFile?: string | undefined;
}

export interface SigningIdentity {
  readonly key: KeyObject;
  /** DER */
  readonly chain: readonly [Uint8Array<ArrayBuffer>, ...Uint8Array<ArrayBuffer>[]];
  readonly leaf: Certificate;
}

/** A key or its certificate cannot be used; the sentence says which file and setting, and why. */
export class SigningFilesError extends Error {
  constructor(setting: string, file: string, zh: string, en: string, cause?: unknown) {
    super(`KEZHENG_${setting}：${file} ${zh} / KEZHENG_${setting}: ${file} ${en}`, { cause });
    this.name = 'SigningFilesError';
  }
}

/** A CA's chain has a root and an intermediate or two above the certificate that signs. */
const MAX_CERTIFICATES = 4;

/** Reads them; throws SigningFilesError. The key is P-256. */
export async function readSigningFiles(
  files: SigningFiles,
  settings: FileSettings,
): Promise<SigningIdentity> {
  const { keyFile, certFile, passwordFile } = files;
  const password =
    passwordFile === undefined
      ? undefined
      : (await readText(settings.password!, passwordFile)).replace(/\r?\n$/, '');
  const key = readKey(await readText(settings.key, keyFile), keyFile, settings, password);
  const chain = certificatesIn(await readText(settings.cert, certFile), certFile, settings);
  const leaf = readLeaf(chain[0], certFile, settings);
  const own = createPublicKey(key).export({ type: 'spki', format: 'der' });
  if (!own.equals(leaf.spki))
    throw new SigningFilesError(
      settings.cert,
      certFile,
      `中的第一份证书不是 KEZHENG_${settings.key}（${keyFile}）这一私钥的证书`,
      `begins with a certificate that is not of the key in KEZHENG_${settings.key} (${keyFile})`,
    );
  return { key, chain, leaf };
}

async function readText(setting: string, file: string): Promise<string> {
  try {
    return await readFile(file, 'utf8');
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    throw new SigningFilesError(setting, file, `无法读取（${code}）`, `cannot be read (${code})`, error);
  }
}

function readKey(pem: string, file: string, settings: FileSettings, password: string | undefined): KeyObject {
  let key: KeyObject;
  try {
    key = createPrivateKey({ key: pem, ...(password !== undefined && { passphrase: password }) });
  } catch (error) {
    const [zh, en] =
      settings.password === undefined
        ? ['不是未加密的 PEM 私钥', 'is no private key in PEM, or is encrypted']
        : [
            `不是 PEM 私钥，或口令（KEZHENG_${settings.password}）缺失、不符`,
            `is no private key in PEM, or its pass phrase (KEZHENG_${settings.password}) is missing or another one`,
          ];
    throw new SigningFilesError(settings.key, file, zh, en, error);
  }
  if (key.asymmetricKeyType !== 'ec' || key.asymmetricKeyDetails?.namedCurve !== 'prime256v1')
    throw new SigningFilesError(settings.key, file, '不是 P-256 私钥', 'is no P-256 key');
  return key;
}

function certificatesIn(pem: string, file: string, settings: FileSettings): SigningIdentity['chain'] {
  const [first, ...others] = decoded(pem);
  if (first === undefined || others.length >= MAX_CERTIFICATES)
    throw new SigningFilesError(
      settings.cert,
      file,
      `应有 1 至 ${MAX_CERTIFICATES} 份 PEM 证书`,
      `does not hold 1 to ${MAX_CERTIFICATES} certificates in PEM`,
    );
  return [first, ...others];
}

function decoded(pem: string): Uint8Array<ArrayBuffer>[] {
  try {
    return x509.PemConverter.decode(pem).map((der) => new Uint8Array(der));
  } catch {
    return [];
  }
}

function readLeaf(first: Uint8Array, file: string, settings: FileSettings): Certificate {
  try {
    return parseCertificate(first);
  } catch (error) {
    if (!(error instanceof FormatError)) throw error;
    throw new SigningFilesError(
      settings.cert,
      file,
      `中的证书无法使用（${error.code}）`,
      `holds a certificate that cannot be used (${error.code})`,
      error,
    );
  }
}
