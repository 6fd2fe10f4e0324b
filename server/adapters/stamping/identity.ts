import { randomBytes, webcrypto } from 'node:crypto';
import { access, rm } from 'node:fs/promises';
import { join } from 'node:path';
// @peculiar/x509 wires its parts by decorators and needs this before it is loaded.
import 'reflect-metadata';
import * as x509 from '@peculiar/x509';
import { parseCertificate } from '../../core/read/x509.ts';
import type { TokenIdentity } from '../../ports/stamp.ts';
import { renameDurably, writeDurably } from '../files.ts';
import { type GivenKeyFiles, isP256, KeyFileError, type KeyFiles, readKeyFiles } from '../key-files.ts';
import { lifeOf } from './life.ts';

const KIND = { fits: isP256, zh: '不是 P-256 私钥', en: 'is no P-256 key' };

/** id-kp-timeStamping, RFC 3161 §2.3. */
const TIME_STAMPING = '1.3.6.1.5.5.7.3.8';

const YEARS = 10;

/** Made anew at a start so long before its end; the tokens of the earlier one are led to its own root as before. */
const RENEW_MS = 30 * 86_400_000;

/** How the root that `makeIdentity` makes is called: what somebody else issued is never made anew here. */
const ROOT_NAME = '时间戳根 time-stamping root';

const isMadeHere = ({ chain }: TokenIdentity): boolean =>
  chain.length === 2 && parseCertificate(chain[1]!).subject.name.endsWith(ROOT_NAME);

/** Reads the configured key and its certificates; they must be fit for time-stamp tokens (RFC 3161 §2.3). */
export async function openTokenIdentity(given: GivenKeyFiles): Promise<TokenIdentity> {
  const files: KeyFiles = { purpose: 'TSA', ...given };
  const { key, certificates, leaf } = await readKeyFiles(files, KIND);
  const usage = leaf.extendedKeyUsage;
  if (usage === undefined || !usage.critical || usage.purposes.join() !== TIME_STAMPING)
    throw new KeyFileError(
      files,
      'CERT',
      '中的第一份证书须以 timeStamping 为唯一且关键的扩展用途（RFC 3161 第 2.3 节）',
      'begins with a certificate whose only extended usage is not a critical timeStamping (RFC 3161 §2.3)',
    );
  return { key, chain: certificates };
}

/**
 * Key and certificates of an installation that configured none, made once. The root signs this one certificate and its
 * key is forgotten: nobody can make another authority out of it. A crash on the way leaves the pair that was there, or
 * the new certificates beside it, which the next start puts in their place if the new key is in its own.
 */
export async function ensureTokenIdentity(
  dataDir: string,
  name: string,
  nowMs: number,
): Promise<TokenIdentity> {
  const files = { keyFile: join(dataDir, 'tsa.key.pem'), certFile: join(dataDir, 'tsa.cert.pem') };
  await finishMaking(files);
  const isThere = await access(files.certFile).then(
    () => true,
    () => false,
  );
  if (isThere) {
    const identity = await openTokenIdentity(files);
    const endsSoon = lifeOf(identity.chain).toMs <= nowMs + RENEW_MS;
    if (!(endsSoon && isMadeHere(identity))) return identity;
  }
  await makeIdentity(files, name, nowMs);
  return openTokenIdentity(files);
}

/** New certificates, until the key that they are of is in its place. */
const nextOf = ({ certFile }: GivenKeyFiles): string => `${certFile}.next`;

/** After a crash: where the new key is there its certificates follow it, and otherwise they are nobody's. */
async function finishMaking(files: GivenKeyFiles): Promise<void> {
  const next = nextOf(files);
  try {
    await openTokenIdentity({ ...files, certFile: next });
  } catch (error) {
    if (!(error instanceof KeyFileError)) throw error;
    await rm(next, { force: true });
    return;
  }
  await renameDurably(next, files.certFile);
}

async function makeIdentity(files: GivenKeyFiles, name: string, nowMs: number): Promise<void> {
  x509.cryptoProvider.set(webcrypto as never);
  const [root, own] = [await newKeys(), await newKeys()];
  const notBefore = new Date(nowMs - 60_000);
  const notAfter = new Date(nowMs);
  notAfter.setUTCFullYear(notAfter.getUTCFullYear() + YEARS);
  const common = { notBefore, notAfter, signingAlgorithm: { name: 'ECDSA', hash: 'SHA-256' } };
  const rootName = [{ CN: [`${name} ${ROOT_NAME}`] }];
  const rootCertificate = await x509.X509CertificateGenerator.createSelfSigned({
    ...common,
    serialNumber: newSerial(),
    name: rootName,
    keys: root as never,
    extensions: [
      new x509.BasicConstraintsExtension(true, 0, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.keyCertSign, true),
    ],
  });
  const certificate = await x509.X509CertificateGenerator.create({
    ...common,
    serialNumber: newSerial(),
    subject: [{ CN: [`${name} 时间戳 time-stamping`] }],
    issuer: rootName,
    publicKey: own.publicKey as never,
    signingKey: root.privateKey as never,
    extensions: [
      new x509.BasicConstraintsExtension(false, undefined, true),
      new x509.KeyUsagesExtension(x509.KeyUsageFlags.digitalSignature, true),
      new x509.ExtendedKeyUsageExtension([TIME_STAMPING], true),
    ],
  });
  const pkcs8 = await webcrypto.subtle.exportKey('pkcs8', own.privateKey);
  const chain = [certificate, rootCertificate].map((one) => `${one.toString('pem')}\n`).join('');
  await writeDurably(nextOf(files), chain, 0o644);
  await writeDurably(files.keyFile, x509.PemConverter.encode(pkcs8, 'PRIVATE KEY'), 0o600);
  await renameDurably(nextOf(files), files.certFile);
}

const newKeys = async (): Promise<webcrypto.CryptoKeyPair> =>
  (await webcrypto.subtle.generateKey({ name: 'ECDSA', namedCurve: 'P-256' }, true, [
    'sign',
    'verify',
  ])) as webcrypto.CryptoKeyPair;

const newSerial = (): string => `4b${randomBytes(15).toString('hex')}`;
