import { sha256 } from '../../server/core/hash/sha256.ts';
import { sha512 } from '../../server/core/hash/sha512.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import { concat, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject, parseJson } from '../../server/core/read/json.ts';
import { planRenewal, readRenewable } from '../../server/core/renewal/renewal.ts';
import { PROMISE_POLICY, PUBLIC_POLICY } from '../../server/core/token/policies.ts';
import type { ComparedBlock } from '../../server/core/verify/anchors.ts';
import { signingKey } from './keys.ts';
import { fileMember, makeSample, manifestOf, rootCertificate, trustList } from './sample.ts';
import * as who from './stampers.ts';
import { flipped, makeCrl, makeToken, type Stamper } from './token.ts';
import { makeCertificate } from './x509.ts';

/*
 * Vectors of steps 18 to 20: renewals of one certificate, alone and among others, one upon the other, and what can be
 * wrong about each. The certificate's own keys, and those of the first authority, are good until the end of 2035.
 */

export interface RenewalCase {
  readonly name: string;
  readonly certificate: Uint8Array;
  readonly renewals: readonly Uint8Array[];
  readonly trust: JsonObject | undefined;
  readonly blocks: readonly ComparedBlock[];
  /** `verdict`, and of each renewal its three checks: p, f, s or u */
  readonly expect: string;
}

const NEW_ROOT = 'new root';
const newKey = signingKey('new root');
const stamperKey = signingKey('new stamper');
/** Not by `certify`, whose running numbers are those of other vectors. */
const newRoot = makeCertificate({
  serial: 9001,
  subject: NEW_ROOT,
  issuer: NEW_ROOT,
  key: newKey,
  signer: newKey,
  ca: true,
  lists: true,
  notBefore: '300101000000',
  notAfter: '20600101000000',
});
const POLICY = '1.2.3.4.5';

export interface StampingAuthority {
  readonly by: Stamper;
  /** beside the signer's */
  readonly chain: readonly Uint8Array[];
  readonly policy: string;
}

/** Good until the end of 2035. */
export const OLD: StampingAuthority = { by: who.outside256, chain: [who.authorityCa], policy: POLICY };
/** Good from 2030 to the end of 2049. */
export const NEW: StampingAuthority = {
  by: {
    certificate: makeCertificate({
      subject: 'new stamper',
      issuer: NEW_ROOT,
      key: stamperKey,
      signer: newKey,
      serial: 9002,
      ca: false,
      purposes: [who.TIME_STAMPING],
      notBefore: '300101000000',
      notAfter: '20500101000000',
    }),
    key: stamperKey,
  },
  chain: [],
  policy: POLICY,
};
const OPERATOR: StampingAuthority = { by: who.own, chain: [], policy: PUBLIC_POLICY };
const NOBODY: StampingAuthority = { by: who.stranger, chain: [], policy: POLICY };

const base64 = (list: readonly Uint8Array[]): Json => list.map(encodeBase64);

export const renewalTrust = (changes: Readonly<Record<string, Json>> = {}): JsonObject =>
  trustList({
    // In earnest, so that its block is what counts where it is good.
    logs: (trustList()['logs'] as readonly JsonObject[]).map((log) => ({ ...log, test: false })),
    authorities: [
      { label: 'old authority', policies: [POLICY], roots: base64([who.authorityRoot]) },
      { label: 'new authority', policies: [POLICY], roots: base64([newRoot]) },
    ],
    issuers: [{ name: 'kezheng test', certificates: base64([rootCertificate, who.ownRoot]) }],
    ...changes,
  });

type Said = { readonly kind: 'crl' | 'ocsp'; readonly value: Uint8Array };

interface Wish {
  readonly said?: readonly Said[];
  readonly imprint?: 'sha256' | 'sha512';
  /** whether the token brings its signer's certificate along, as those do that are asked for it */
  readonly embedded?: boolean;
}

/** The renewals of these files under one token; `genTime` is a day, or a day and a time. */
export function renewAll(
  files: readonly Uint8Array[],
  { by, chain, policy }: StampingAuthority,
  genTime: string,
  { said = [], imprint = 'sha512', embedded = false }: Wish = {},
): readonly Uint8Array[] {
  const plan = planRenewal(files.map(readRenewable));
  const digest = imprint === 'sha512' ? plan.root : plan.root.slice(0, 32);
  const certificates = embedded ? { certificates: [by.certificate] } : {};
  const token = makeToken({
    ...{ digest, imprint, policy, by, ...certificates },
    genTime: genTime.includes('T') ? genTime : `${genTime}T00:00:00.000Z`,
  });
  return plan.finish(
    { token, certificates: [by.certificate, ...chain] },
    files.map(() => said),
  );
}

export const renew = (file: Uint8Array, by: StampingAuthority, genTime: string, wish?: Wish) =>
  renewAll([file], by, genTime, wish)[0]!;

/** The same renewal, with some of its members otherwise. */
export const changed = (renewal: Uint8Array, change: (document: JsonObject) => JsonObject): Uint8Array =>
  utf8(canonicalize(change(parseJson(renewal) as JsonObject)));

const entry = manifestOf([fileMember('photo.jpg')]);
/** The operator's own, as certificates have it. */
const promise: JsonObject = {
  certificates: base64([who.own.certificate]),
  token: encodeBase64(
    makeToken({
      digest: sha256(utf8(canonicalize(entry))),
      policy: PROMISE_POLICY,
      genTime: '2026-11-22T07:00:00.020Z',
      by: who.own,
    }),
  ),
  type: 'rfc3161-manifest/1',
};

const made = await makeSample({ entry, tokens: [promise] });
export const CERTIFICATE = made.bytes;
export const OTHERS = await Promise.all(
  [2, 3, 4, 5].map(async (revision) => (await makeSample({ revision })).bytes),
);
const BLOCKS: readonly ComparedBlock[] = [
  { source: 'own node', number: made.blockNumber, hash: made.blockHash },
];

const one = (
  name: string,
  expect: string,
  renewals: readonly Uint8Array[],
  changes: Partial<RenewalCase> = {},
): RenewalCase => ({
  name,
  certificate: CERTIFICATE,
  renewals,
  trust: renewalTrust(),
  blocks: BLOCKS,
  expect,
  ...changes,
});

export function renewalCases(): readonly RenewalCase[] {
  const first = renew(CERTIFICATE, OLD, '2035-06-01');
  const second = renew(first, NEW, '2035-12-01');
  const third = renew(second, NEW, '2049-12-31');
  return [
    one('no renewal', 'valid', []),
    one('renewed alone', 'valid ppp', [first]),
    ...[0, 1, 4].map((place) => {
      const files = OTHERS.toSpliced(place, 0, CERTIFICATE);
      return one(`renewed as number ${place} of five`, 'valid ppp', [
        renewAll(files, OLD, '2030-01-01')[place]!,
      ]);
    }),
    one('renewed twice, the second time before the first authority ended', 'valid ppp ppp', [first, second]),
    one('renewed three times, given in another order', 'valid ppp ppp ppp', [third, first, second]),
    one('a renewal of renewals and certificates together', 'valid ppp ppp', [
      first,
      renewAll([...OTHERS, first], NEW, '2035-12-01')[4]!,
    ]),
    one('renewed by two authorities beside each other', 'valid ppp ppp', [
      first,
      renew(CERTIFICATE, NEW, '2035-06-02'),
    ]),
    one('one renewal given twice, and what stands on it', 'valid ppp ppp ppp', [first, first, second]),
    ...openCases(first),
    ...brokenCases(first),
    ...damagedCases(first, second),
  ];
}

const openCases = (first: Uint8Array): readonly RenewalCase[] => [
  one('renewed after the issuer’s certificate ended: its block stays', 'valid ppu', [
    renew(CERTIFICATE, NEW, '2036-01-02'),
  ]),
  one('in the last second of the issuer’s certificate', 'valid ppp', [renew(CERTIFICATE, NEW, '2036-01-01')]),
  one('without a trust list', 'incomplete pus', [first], { trust: undefined }),
  one(
    'without a trust list, after the signer’s certificate ended',
    'incomplete pus pus',
    [first, renew(first, NEW, '2036-01-02')],
    { trust: undefined },
  ),
  one('without a block, the renewal proves the time', 'incomplete ppp', [first], { blocks: [] }),
  one('by nobody whom the list knows, and that renewed', 'valid pus ppu', [
    renew(CERTIFICATE, NOBODY, '2030-01-01'),
    renew(renew(CERTIFICATE, NOBODY, '2030-01-01'), OLD, '2031-01-01'),
  ]),
  one('by the operator itself', 'valid ppp', [renew(CERTIFICATE, OPERATOR, '2030-01-01')]),
  one('a format of another number', 'valid uss', [
    changed(first, (document) => ({ ...document, format: 'kezheng-renewal/2' })),
  ]),
];

function brokenCases(first: Uint8Array): readonly RenewalCase[] {
  const ca = { issuer: who.AUTHORITY_CA, key: who.authorityCaKey };
  const list = (reason: number, at: string): Said => ({
    kind: 'crl',
    value: makeCrl({ ...ca, revoked: [{ certificate: OLD.by.certificate, at, reason }] }),
  });
  const carrying = (said: Said) => [first, renew(first, NEW, '2035-12-01', { said: [said] })];
  return [
    one('renewed after the first authority ended', 'invalid ppp ppf', [
      first,
      renew(first, NEW, '2036-01-02'),
    ]),
    one('the second renewal is older than the first', 'invalid ppp ppf', [
      first,
      renew(first, NEW, '2035-05-31'),
    ]),
    one('at the same time as the first', 'valid ppp ppp', [first, renew(first, NEW, '2035-06-01')]),
    one(
      'the second brings word that the first key was stolen',
      'invalid ppp ppf',
      carrying(list(1, '350801000000')),
    ),
    one(
      'the second brings word that the first key was replaced later',
      'valid ppp ppp',
      carrying(list(4, '350801000000')),
    ),
    one('with word that its own key was stolen', 'invalid pfs', [
      renew(CERTIFICATE, OLD, '2035-06-01', { said: [list(1, '350801000000')] }),
    ]),
    one('by a clock that stood years before the certificate was issued', 'invalid pfs', [
      renew(CERTIFICATE, OLD, '2026-06-01'),
    ]),
    one('a minute before the certificate was issued', 'valid ppu', [
      renew(CERTIFICATE, OLD, '2026-11-22T06:59:08.412Z'),
    ]),
    one('a millisecond more than a minute before', 'invalid pfs', [
      renew(CERTIFICATE, OLD, '2026-11-22T06:59:08.411Z'),
    ]),
    one('the second by a clock that stood before the certificate was issued', 'invalid ppp pfs', [
      first,
      renew(first, OLD, '2026-06-01'),
    ]),
    one('the certificate was changed afterwards', 'invalid fss', [first], { certificate: OTHERS[0]! }),
    one('the certificate is no certificate', 'invalid', [first], { certificate: utf8('{}') }),
    one('the renewal between is missing', 'invalid fss', [renew(first, NEW, '2035-12-01')]),
  ];
}

function damagedCases(first: Uint8Array, second: Uint8Array): readonly RenewalCase[] {
  const among = renewAll([...OTHERS, CERTIFICATE, first], OLD, '2030-01-01')[4]!;
  const path = (change: (hashes: readonly Json[]) => readonly Json[], of = among) =>
    changed(of, (document) => ({ ...document, path: change(document['path'] as Json[]) }));
  const member = (changes: Readonly<Record<string, Json>>) =>
    changed(first, (document) => ({ ...document, ...changes }));
  const damaged: Readonly<Record<string, Uint8Array>> = {
    'an empty file': new Uint8Array(),
    'not canonical': concat(first, utf8('\n')),
    'no object': utf8('[]'),
    'no format': changed(first, ({ format: _, ...document }) => document),
    'another format': member({ format: 'kezheng-certificate/1' }),
    'a member more': member({ more: null }),
    'a member less': changed(first, ({ revocation: _, ...document }) => document),
    'a certificate has no tokens before it': member({ earlier: ['ab'.repeat(64)] }),
    'its digest is one of SHA-256': member({ sha512: 'ab'.repeat(32) }),
    'a digest on its path is short': path(([hash, ...hashes]) => [(hash as string).slice(2), ...hashes]),
    'a digest on its path is another': path((hashes) => ['ab'.repeat(64), ...hashes.slice(1)]),
    'its path is one short': path((hashes) => hashes.slice(1)),
    'its path is one long': path((hashes) => [...hashes, 'ab'.repeat(64)]),
    'its path has 33 digests': path(() => Array.from({ length: 33 }, () => 'ab'.repeat(64))),
    'its token is over SHA-256': renew(CERTIFICATE, OLD, '2030-01-01', { imprint: 'sha256' }),
    'its token is of another renewal': member({ token: (parseJson(second) as JsonObject)['token']! }),
    'its token is no token': member({ token: encodeBase64(utf8('{}')) }),
    'its signer is missing': member({ certificates: [] }),
    'word of revocation cannot be read': member({
      revocation: [{ kind: 'crl', value: encodeBase64(utf8('{}')) }],
    }),
    'nine certificates': member({ certificates: Array.from({ length: 9 }, () => encodeBase64(who.ownRoot)) }),
    'nine words of revocation': member({
      revocation: Array.from({ length: 9 }, () => ({ kind: 'crl', value: '' })),
    }),
    'it is too long': member({ certificates: ['A'.repeat(1_048_576)] }),
  };
  const overDigest = renewAll([first], NEW, '2035-12-01');
  return [
    ...Object.entries(damaged).map(([name, renewal]) => one(name, 'invalid fss', [renewal])),
    one('on one that does not hold nothing stands', 'invalid fss sss', [
      member({ certificates: [] }),
      renew(member({ certificates: [] }), NEW, '2035-12-01'),
    ]),
    one('the second is over the file of the first alone, and not over its token', 'invalid ppp fss', [
      first,
      over(first, []),
    ]),
    one('the second is over another token', 'invalid ppp fss', [
      first,
      over(first, [sha512(flipped(first))]),
    ]),
    one('the second names tokens that the first did not have before it', 'invalid ppp fss', [
      first,
      over(first, [sha512(second), ...readRenewable(first).tokens]),
    ]),
    one('the second is told twice', 'valid ppp ppp ppp', [first, ...overDigest, ...overDigest]),
  ];
}

/** As somebody would make it who does not know what a renewal is over. */
function over(file: Uint8Array, tokens: readonly Uint8Array[]): Uint8Array {
  const plan = planRenewal([{ bytes: file, tokens }]);
  const token = makeToken({
    digest: plan.root,
    imprint: 'sha512',
    policy: POLICY,
    genTime: '2035-12-01T00:00:00.000Z',
    by: NEW.by,
  });
  return plan.finish({ token, certificates: [NEW.by.certificate] }, [[]])[0]!;
}
