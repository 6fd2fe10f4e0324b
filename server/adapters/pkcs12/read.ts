import { createHmac, timingSafeEqual } from 'node:crypto';
import {
  contextTag,
  type Element,
  listOf,
  oid,
  parseDer,
  readFields,
  smallInteger,
  TAG,
} from '../../core/read/der.ts';
import { Pkcs12Problem } from '../../ports/office-key.ts';
import { decrypted } from './decrypt.ts';
import { definite } from './definite.ts';
import { derive, hashOf, type Unlocking } from './keys.ts';

/*
 * A PKCS#12 file, RFC 7292: first its MAC, which says whether the pass phrase is right, then what is in it. Of kinds of
 * bags only keys that are encrypted and X.509 certificates count.
 */

export interface Opened {
  /** PKCS #8, DER: whoever gets them wipes them */
  readonly keys: readonly Buffer[];
  /** DER, in the order of the file */
  readonly certificates: readonly Uint8Array[];
}

const DATA = '2a864886f70d010701';
const ENCRYPTED_DATA = '2a864886f70d010706';
const KEY_BAG = '2a864886f70d010c0a0101';
const SHROUDED_KEY_BAG = '2a864886f70d010c0a0102';
const CERTIFICATE_BAG = '2a864886f70d010c0a0103';
const X509 = '2a864886f70d01091601';

const EXPLICIT_0 = contextTag(0, 'constructed');
const IMPLICIT_0 = contextTag(0, 'primitive');

/** Parts that are encrypted one by one: OpenSSL writes two and each costs a derivation. */
const MAX_PARTS = 8;

const malformed = (): Pkcs12Problem => new Pkcs12Problem('pkcs12-malformed');

/** Throws Pkcs12Problem, and FormatError where it is no DER. */
export async function openPkcs12(bytes: Uint8Array, unlocking: Unlocking): Promise<Opened> {
  const { safe, mac } = readFields(parseDer(definite(bytes)), TAG.sequence, (fields) => {
    if (smallInteger(fields.next(TAG.integer)) !== 3) throw malformed();
    return { safe: dataOf(fields.next(TAG.sequence)), mac: fields.optional(TAG.sequence) };
  });
  // Without a MAC anybody could have put another key in.
  if (mac === undefined) throw malformed();
  await checkMac(unlocking, mac, safe);
  const parts = listOf(parseDer(definite(safe)), TAG.sequence, TAG.sequence);
  if (parts.length > MAX_PARTS) throw malformed();
  const keys: Buffer[] = [];
  const certificates: Uint8Array[] = [];
  try {
    for (const part of parts)
      for (const bag of bagsOf(await plainOf(unlocking, part)))
        await keep(unlocking, bag, { keys, certificates });
  } catch (error) {
    for (const key of keys) key.fill(0);
    throw error;
  }
  return { keys, certificates };
}

/** ContentInfo of id-data; of another kind (signed by a public key) nobody writes these files. */
function dataOf(element: Element): Uint8Array {
  return readFields(element, TAG.sequence, (fields) => {
    if (oid(fields.next(TAG.oid)) !== DATA) throw malformed();
    return readFields(fields.next(EXPLICIT_0), EXPLICIT_0, (of) => of.next(TAG.octetString).content);
  });
}

/** §4: HMAC over the safe, by a key out of the pass phrase. */
async function checkMac(unlocking: Unlocking, element: Element, safe: Uint8Array): Promise<void> {
  const { algorithm, digest, salt, iterations } = readFields(element, TAG.sequence, (fields) => ({
    ...readFields(fields.next(TAG.sequence), TAG.sequence, (of) => ({
      algorithm: oid(of.next(TAG.sequence).children[0]!),
      digest: of.next(TAG.octetString).content,
    })),
    salt: fields.next(TAG.octetString).content,
    iterations: readIterations(fields.optional(TAG.integer)),
  }));
  const [name, length] = hashOf(algorithm);
  const key = await derive(unlocking, { hash: algorithm, purpose: 'mac', salt, iterations, length });
  const expected = createHmac(name, key).update(safe).digest();
  key.fill(0);
  if (digest.length !== expected.length || !timingSafeEqual(digest, expected))
    throw new Pkcs12Problem('pkcs12-passphrase-wrong');
}

/** DEFAULT 1. */
const readIterations = (element: Element | undefined): number =>
  element === undefined ? 1 : smallInteger(element);

/** SafeContents of one part of the safe, encrypted or not. */
async function plainOf(unlocking: Unlocking, part: Element): Promise<Uint8Array> {
  const [contentType] = part.children;
  if (contentType !== undefined && oid(contentType) === DATA) return dataOf(part);
  const { identifier, encrypted } = readFields(part, TAG.sequence, (fields) => {
    if (oid(fields.next(TAG.oid)) !== ENCRYPTED_DATA) throw malformed();
    return readFields(fields.next(EXPLICIT_0), EXPLICIT_0, (of) => encryptedOf(of.any()));
  });
  return decrypted(unlocking, identifier, encrypted);
}

/** EncryptedData, RFC 5652 §8: version, then type, algorithm and content. */
function encryptedOf(element: Element) {
  return readFields(element, TAG.sequence, (fields) => {
    fields.next(TAG.integer);
    return readFields(fields.next(TAG.sequence), TAG.sequence, (of) => {
      of.next(TAG.oid);
      return { identifier: of.next(TAG.sequence), encrypted: octetsOf(of.any()) };
    });
  });
}

/** [0] IMPLICIT OCTET STRING, in one piece or, in BER, in several. */
function octetsOf(element: Element): Uint8Array {
  if (element.tag === IMPLICIT_0) return element.content;
  return Buffer.concat(listOf(element, EXPLICIT_0, TAG.octetString).map(({ content }) => content));
}

const bagsOf = (safeContents: Uint8Array): readonly Element[] => parseDer(definite(safeContents)).children;

/** SafeBag, §4.2; names and identifiers beside the bags say nothing that the certificates do not prove. */
async function keep(
  unlocking: Unlocking,
  bag: Element,
  into: { readonly keys: Buffer[]; readonly certificates: Uint8Array[] },
): Promise<void> {
  const [id, explicit] = bag.children;
  const value = explicit?.children[0];
  if (id === undefined || value === undefined) throw malformed();
  const kind = oid(id);
  if (kind === KEY_BAG) throw new Pkcs12Problem('pkcs12-not-encrypted');
  if (kind === SHROUDED_KEY_BAG) into.keys.push(await keyOf(unlocking, value));
  if (kind === CERTIFICATE_BAG) into.certificates.push(...certificateOf(value));
}

/** EncryptedPrivateKeyInfo, RFC 5958 §3. */
function keyOf(unlocking: Unlocking, element: Element): Promise<Buffer> {
  const { identifier, encrypted } = readFields(element, TAG.sequence, (fields) => ({
    identifier: fields.next(TAG.sequence),
    encrypted: fields.next(TAG.octetString).content,
  }));
  return decrypted(unlocking, identifier, encrypted);
}

function certificateOf(element: Element): readonly Uint8Array[] {
  return readFields(element, TAG.sequence, (fields) => {
    const kind = oid(fields.next(TAG.oid));
    const value = readFields(fields.next(EXPLICIT_0), EXPLICIT_0, (of) => of.any());
    return kind === X509 && value.tag === TAG.octetString ? [value.content] : [];
  });
}
