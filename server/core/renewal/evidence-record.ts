import { sha512 } from '../hash/sha512.ts';
import { toHex } from '../read/bytes.ts';
import { contextTag, TAG } from '../read/der.ts';
import { encode, encodeInteger, encodeOid } from '../read/encode-der.ts';
import { FormatError } from '../reason.ts';
import { parseRenewal, type Renewal, readRenewable, renewedRoot, tokensUpTo } from './renewal.ts';
import { ascending } from './tree.ts';

/*
 * Renewals as an EvidenceRecord, RFC 4998 §3.1, for other people's programs: one chain, for its hash stays the same, with
 * an ArchiveTimeStamp for each renewal. What was said of revocation is left out: programs disagree about its place.
 */

/** id-sha512, without parameters as RFC 5754 §2 asks. */
const SHA512 = encodeOid('2.16.840.1.101.3.4.2.3');
const VERSION = encodeInteger(1n);

/** The module of appendix A has IMPLICIT tags. */
const DIGEST_ALGORITHM = contextTag(0, 'constructed');
const REDUCED_HASHTREE = contextTag(2, 'constructed');

/** The certificate's bytes, and those of renewals in any order, of which each renews the one before. Throws FormatError. */
export function evidenceRecord(certificate: Uint8Array, renewals: readonly Uint8Array[]): Uint8Array {
  const stamps = chainOf(certificate, renewals).map(archiveTimeStamp);
  return encode(
    TAG.sequence,
    VERSION,
    encode(TAG.sequence, encode(TAG.sequence, SHA512)),
    encode(TAG.sequence, encode(TAG.sequence, ...stamps)),
  );
}

function chainOf(certificate: Uint8Array, renewals: readonly Uint8Array[]): readonly Renewal[] {
  const given = renewals.map((bytes) => ({ bytes, renewal: parseRenewal(bytes) }));
  const chain: Renewal[] = [];
  for (let before = readRenewable(certificate); chain.length < given.length; ) {
    const digest = toHex(sha512(before.bytes));
    const next = given.filter(({ renewal }) => toHex(renewal.sha512) === digest);
    if (next.length > 1) throw new FormatError('renewal-chain-forked', { count: next.length });
    const [one] = next;
    if (one === undefined) {
      const alone = given.find(({ renewal }) => !chain.includes(renewal))!;
      throw new FormatError('renewal-of-another-file', { sha512: toHex(alone.renewal.sha512) });
    }
    renewedRoot(one.renewal, before);
    chain.push(one.renewal);
    before = { bytes: one.bytes, tokens: tokensUpTo(one.renewal) };
  }
  return chain;
}

/** ArchiveTimeStamp, §3.1; without a tree where the token is over the file's digest itself (§4.2). */
function archiveTimeStamp({ token, ...renewal }: Renewal): Uint8Array {
  const trees = partialTrees(renewal);
  return encode(
    TAG.sequence,
    encode(DIGEST_ALGORITHM, SHA512),
    ...(trees.length === 0 ? [] : [encode(REDUCED_HASHTREE, ...trees)]),
    token,
  );
}

/** The first list has the digest itself, each other what is added to the node below, which is reckoned (§4.2). */
function partialTrees({ sha512: own, earlier, path }: Omit<Renewal, 'token'>): readonly Uint8Array[] {
  const others = path.map((beside) => [beside]);
  // Alone in its group, it stands beside the first on its path.
  const lists = earlier.length > 0 ? [[own, ...earlier], ...others] : join(own, others);
  return lists.map((list) =>
    encode(TAG.sequence, ...ascending(list).map((one) => encode(TAG.octetString, one))),
  );
}

const join = (own: Uint8Array, [first, ...others]: readonly (readonly Uint8Array[])[]) =>
  first === undefined ? [] : [[own, ...first], ...others];
