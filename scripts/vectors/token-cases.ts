import { sha256 } from '../../server/core/hash/sha256.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import { concat, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { encode, TAG } from '../../server/core/read/der.ts';
import { canonicalize, type Json, type JsonObject } from '../../server/core/read/json.ts';
import { PROMISE_POLICY, PUBLIC_POLICY } from '../../server/core/token/policies.ts';
import { CHAIN_ID, CONTRACT } from './block.ts';
import { type CaseOptions, folderSample, PHOTO, type VectorCase, vector } from './cases.ts';
import { signingKey } from './keys.ts';
import {
  fileMember,
  issuerKey,
  makeTree,
  manifestOf,
  operator,
  rootCertificate,
  trustList,
} from './sample.ts';
import * as who from './stampers.ts';
import {
  accuracyOf,
  digestOf,
  flipped,
  makeCrl,
  makeOcsp,
  makeToken,
  type Stamper,
  type TokenRequest,
} from './token.ts';
import { makeCertificate } from './x509.ts';

/*
 * Vectors of step 10: tokens of each type, by each kind of key, and everything about them that can be wrong.
 */

const entry = manifestOf([fileMember('photo.jpg')]);
const tree = makeTree(entry, 2, 5);
const digestOfEntry = sha256(utf8(canonicalize(entry)));
const base64 = (list: readonly Uint8Array[]): Json => list.map(encodeBase64);

const AUTHORITY = 'outside authority';
const POLICY = '1.2.3.4.5';
const at = (time: string) => `2026-11-22T${time}Z`;

const authority = (
  label: string,
  roots: readonly Uint8Array[],
  policies: readonly string[] = [POLICY],
): JsonObject => ({
  label,
  policies,
  roots: base64(roots),
});

const issuers = (...certificates: readonly Uint8Array[]): JsonObject[] => [
  { name: 'kezheng test', certificates: base64([rootCertificate, ...certificates]) },
];

/** The operator's stamp root beside its issuer's, and one outside authority. */
const trusted = (changes: Readonly<Record<string, Json>> = {}): JsonObject =>
  trustList({
    issuers: issuers(who.ownRoot),
    authorities: [authority(AUTHORITY, [who.authorityRoot])],
    ...changes,
  });

/** The chain of the vectors as one that is in earnest. */
const earnest = (changes: Readonly<Record<string, Json>> = {}): JsonObject =>
  trusted({
    logs: (trustList()['logs'] as readonly JsonObject[]).map((log) => ({ ...log, test: false })),
    ...changes,
  });

interface Shape {
  readonly token?: Partial<TokenRequest>;
  /** a damage done to the finished token */
  readonly damage?: (token: Uint8Array) => Uint8Array;
  readonly beside?: readonly Uint8Array[];
  readonly members?: Readonly<Record<string, Json>>;
}

const stamped = (
  type: string,
  request: Omit<TokenRequest, 'by'> & { readonly by: Stamper },
  { token, damage = (bytes) => bytes, beside, members }: Shape,
): JsonObject => {
  const full = { ...request, ...token };
  return {
    type,
    token: encodeBase64(damage(makeToken(full))),
    certificates: base64(beside ?? [full.by.certificate]),
    ...members,
  };
};

const manifestToken = (shape: Shape = {}): JsonObject =>
  stamped(
    'rfc3161-manifest/1',
    { digest: digestOfEntry, policy: PROMISE_POLICY, genTime: at('07:00:00.020'), by: who.own },
    shape,
  );

const bulk = makeTree(entry, 4, 7);
const bulkToken = (shape: Shape = {}): JsonObject =>
  stamped(
    'rfc3161-bulk/1',
    { digest: bulk.root, policy: PROMISE_POLICY, genTime: at('07:00:00.120'), by: who.own },
    {
      ...shape,
      members: {
        hashes: bulk.step['hashes']!,
        index: bulk.step['index']!,
        size: bulk.step['size']!,
        ...shape.members,
      },
    },
  );

const log = { chainId: CHAIN_ID, contract: CONTRACT, index: 7, operator: operator.address };
const rootDigest = (changes: JsonObject = {}, of = tree): Uint8Array =>
  sha256(
    utf8(canonicalize({ format: 'kezheng-root/1', ...log, root: toHex(of.root), size: of.size, ...changes })),
  );

const rootToken = (shape: Shape = {}): JsonObject =>
  stamped(
    'rfc3161-root/1',
    { digest: rootDigest(), policy: POLICY, genTime: at('06:59:59.500'), by: who.outside },
    {
      beside: [(shape.token?.by ?? who.outside).certificate, who.authorityCa],
      ...shape,
      members: { log, revocation: [], ...shape.members },
    },
  );

interface TokenCase extends Omit<CaseOptions, 'tokens' | 'trust'> {
  readonly trust?: JsonObject | null;
}

const withTokens = (
  name: string,
  verdict: VectorCase['expect']['verdict'],
  failed: VectorCase['expect']['failed'],
  tokens: readonly JsonObject[],
  options: TokenCase = {},
): Promise<VectorCase> =>
  vector(name, verdict, failed, { files: PHOTO, trust: trusted(), ...options, tokens });

const good = (name: string, tokens: readonly JsonObject[], options?: TokenCase) =>
  withTokens(name, 'valid', [], tokens, options);
const bad = (
  name: string,
  failed: 'token' | 'authority' | 'format',
  token: JsonObject,
  options?: TokenCase,
) => withTokens(name, 'invalid', [failed], [token], options);

function goodTokens(): Promise<VectorCase>[] {
  const by = (stamper: Stamper, more: Partial<TokenRequest> = {}) =>
    rootToken({ token: { by: stamper, ...more } });
  return [
    good('an own token over the manifest', [manifestToken()]),
    good('an own token over the root of a bulk call', [bulkToken()]),
    good('own and outside tokens together', [manifestToken(), bulkToken(), rootToken()]),
    good('a token of RSA and SHA-512 on a chain of RSA and P-384', [rootToken()]),
    good('a token of RSA and SHA-256', [by(who.outsideRsa256)]),
    good('a token that says rsaEncryption and no more', [
      by(who.outside, { signatureAlgorithm: RSA_ENCRYPTION }),
    ]),
    good('a token of P-256', [by(who.outside256)]),
    good('a token of P-384', [by(who.outside384)]),
    good('a token of P-521', [by(who.outside521)]),
    good('a token that names its signer by SHA-1', [by(who.outside, { ess: 'v1' })]),
    good('a token that names its signer twice', [by(who.outside, { ess: 'both' })]),
    good('a token with its certificates inside, in any order, and others', [
      rootToken({
        token: {
          certificates: [who.authorityCa, who.authorityRoot, who.own.certificate, who.outside.certificate],
        },
        beside: [],
      }),
    ]),
    good('bytes beside a token that are no certificate', [
      manifestToken({ beside: [who.own.certificate, utf8('no certificate'), new Uint8Array()] }),
    ]),
    good('a token without accuracy', [by(who.outside, { accuracy: null })]),
    good('an accuracy with milliseconds and microseconds', [
      by(who.outside, { accuracy: accuracyOf(2, 30, 1) }),
    ]),
    good('a token with an extension that is not critical', [by(who.outside, { extension: 'other' })]),
    good('two tokens of one authority', [rootToken(), by(who.outside256, { genTime: at('06:59:58.000') })]),
    good('a token of an authority that nobody lists', [
      rootToken({ token: { by: who.stranger }, beside: [who.stranger.certificate, who.strangerRoot] }),
    ]),
    good('an own token where the list does not know its root', [manifestToken()], {
      trust: trusted({ issuers: issuers() }),
    }),
    good('a token under a policy that is not listed', [by(who.outside, { policy: '1.2.3.4.6' })]),
    good('a token whose way to the root is missing', [rootToken({ beside: [who.outside.certificate] })]),
    good('a root that is the operator’s and an authority’s: the operator’s', [rootToken()], {
      trust: trusted({ issuers: issuers(who.ownRoot, who.authorityRoot) }),
    }),
    good('an own token whose root an authority lists too', [manifestToken()], {
      trust: trusted({ authorities: [authority('itself', [who.ownRoot], [PROMISE_POLICY])] }),
    }),
    good('the CA below the root is listed', [rootToken()], {
      trust: trusted({ authorities: [authority(AUTHORITY, [who.authorityCa])] }),
    }),
    good('the signer itself is listed', [manifestToken()], {
      trust: trusted({ issuers: issuers(who.own.certificate) }),
    }),
    good('an outside authority that gives promises', [manifestToken()], {
      trust: trusted({
        issuers: issuers(),
        authorities: [authority('other', [who.ownRoot], [PROMISE_POLICY])],
      }),
    }),
    good(
      'an outside token after an earnest block: the block counts',
      [by(who.outside, { genTime: at('07:00:00.000') })],
      {
        trust: earnest(),
      },
    ),
    good(
      'an outside token before an earnest block: the token counts',
      [by(who.outside, { genTime: at('06:59:58.000') })],
      { trust: earnest() },
    ),
    good(
      'the earliest of two outside tokens counts',
      [rootToken(), by(who.outside384, { genTime: at('06:59:57.250') })],
      {
        trust: earnest(),
      },
    ),
    good('a file of a folder, whose manifest has a token', [folderToken()], folderSample()),
    good('an own token beside one of an unknown type', [manifestToken(), { type: 'rfc3161-manifest/2' }]),
  ];
}

const RSA_ENCRYPTION = Uint8Array.of(0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0);

function folderToken(): JsonObject {
  const [folder] = folderSample().inclusion as readonly JsonObject[];
  const manifest = folder!['manifest'] as JsonObject;
  return manifestToken({ token: { digest: sha256(utf8(canonicalize(manifest))) } });
}

function openTokens(): Promise<VectorCase>[] {
  const open = (name: string, tokens: readonly JsonObject[], options?: TokenCase) =>
    withTokens(name, 'incomplete', [], tokens, options);
  return [
    open('tokens without a trust list', [manifestToken(), rootToken()], { trust: null }),
    open('an outside token proves a time where no block was compared', [rootToken()], { blocks: () => [] }),
    open('an outside token where there is no anchor', [rootToken()], { anchors: () => [] }),
    open(
      'a token of the last moment with the largest accuracy',
      [
        rootToken({
          token: { by: who.lasting, genTime: '9999-12-31T23:59:59.998Z', accuracy: accuracyOf(86_400) },
        }),
      ],
      {
        trust: trusted({ authorities: [authority(AUTHORITY, [who.lasting.certificate])], logs: [] }),
        anchors: () => [],
      },
    ),
    open('an own token proves no time where no block was compared', [manifestToken()], { blocks: () => [] }),
  ];
}

function damagedTokens(): Promise<VectorCase>[] {
  const token = (name: string, request: Partial<TokenRequest>, failed: 'token' | 'authority' = 'token') =>
    bad(name, failed, manifestToken({ token: request }));
  const outside = (name: string, shape: Shape, failed: 'token' | 'authority' = 'token') =>
    bad(name, failed, rootToken(shape));
  const by = (stamper: Stamper) => ({ token: { by: stamper } });
  const purposes = (list: readonly string[], critical = true) =>
    who.stamperOf('wrong purpose', who.ownKey, who.OWN_ROOT, who.ownRootKey, {
      purposes: list,
      purposesCritical: critical,
    });
  const below = who.stamperOf('below', signingKey('e'), 'outside stamper', who.outside.key);
  const reversed = (list: readonly Uint8Array[]) => list.toReversed();
  const hashes = bulk.step['hashes'] as readonly string[];
  return [
    token('an own token over another manifest', { digest: sha256(utf8('another')) }),
    token('an own token over the leaf', { digest: makeTree(entry, 0, 1).root }),
    token('an own token under the public policy', { policy: PUBLIC_POLICY }),
    token('an own token over SHA-512', {
      imprint: 'sha512',
      digest: digestOf('sha512', utf8(canonicalize(entry))),
    }),
    token('an own token over SHA-1', {
      imprint: 'sha1',
      digest: digestOf('sha1', utf8(canonicalize(entry))),
    }),
    token('a digest of a wrong length', { digest: digestOfEntry.slice(1) }),
    token('a token of another key', { signature: () => signingKey('nobody').signDer(utf8('x')) }),
    token('a signature that is changed', { signature: flipped }),
    token('a content that is not the signed one', { messageDigest: digestOfEntry }),
    token('a content type that is not the signed one', { contentType: '1.2.840.113549.1.7.1' }),
    token('signed attributes in another order', { attributes: reversed }),
    token('a signed attribute twice', { attributes: (list) => [list[0]!, ...list] }),
    token('no digest among the signed attributes', { attributes: (list) => [list[0]!, ...list.slice(2)] }),
    token('no name of the signer among the signed attributes', { ess: 'none' }),
    token('another certificate among the signed attributes', { essOf: who.ownRoot }),
    token('another version', { version: 1 }),
    token('another version of the signer', { signerVersion: 3 }),
    token('two signers', { signers: 2 }),
    token('no signer', { signers: 0 }),
    token('lists of revoked certificates inside', { crls: true }),
    token('unsigned attributes', { unsignedAttributes: true }),
    token('a critical extension', { extension: 'critical' }),
    token('an accuracy of more than a day', { accuracy: accuracyOf(86_401) }),
    token('an accuracy of 1000 milliseconds', { accuracy: accuracyOf(1, 1000) }),
    token('a signature algorithm that does not fit', { signatureAlgorithm: RSA_ENCRYPTION }),
    token('a signer whose purpose is not critical', { by: purposes([who.TIME_STAMPING], false) }),
    token('a signer with another purpose', { by: purposes([who.DOCUMENT_SIGNING]) }),
    token('a signer with two purposes', { by: purposes([who.TIME_STAMPING, who.DOCUMENT_SIGNING]) }),
    token('a signer without purpose', { by: purposes([]) }),
    bad('a token without its signer', 'token', manifestToken({ beside: [who.ownRoot] })),
    bad(
      'a token with more than sixteen certificates',
      'token',
      manifestToken({
        token: { certificates: Array.from({ length: 9 }, () => who.own.certificate) },
        beside: Array.from({ length: 8 }, () => who.own.certificate),
      }),
    ),
    bad(
      'a byte behind the token',
      'token',
      manifestToken({ damage: (bytes) => concat(bytes, Uint8Array.of(0)) }),
    ),
    bad('a token that is cut', 'token', manifestToken({ damage: (bytes) => bytes.slice(0, -1) })),
    bad('an empty token', 'token', manifestToken({ damage: () => new Uint8Array() })),
    bad('a bulk path that is off by one', 'token', bulkToken({ members: { index: 3 } })),
    bad('a bulk path of another size', 'token', bulkToken({ members: { size: 6 } })),
    bad(
      'a bulk path without its last hash',
      'token',
      bulkToken({ members: { hashes: hashes.slice(0, -1) } }),
    ),
    bad('a bulk token under the public policy', 'token', bulkToken({ token: { policy: PUBLIC_POLICY } })),
    outside('a root token over another root', { token: { digest: rootDigest({}, makeTree(entry, 2, 6)) } }),
    outside('a root token over the root alone', { token: { digest: tree.root } }),
    outside('a root token that names another place in the log', { members: { log: { ...log, index: 8 } } }),
    outside('a root token that names another chain', { members: { log: { ...log, chainId: 1 } } }),
    outside('a signer with a short RSA key', by(who.shortRsa), 'authority'),
    outside(
      'a token from before its signer’s certificate',
      { token: { genTime: '2025-12-31T23:59:59.999Z' } },
      'authority',
    ),
    outside(
      'a token from after its signer’s certificate',
      { token: { genTime: '2036-01-01T00:00:01.000Z' } },
      'authority',
    ),
    bad(
      'an own token from after its signer’s certificate',
      'authority',
      manifestToken({ token: { genTime: '2036-01-01T00:00:01.000Z' } }),
    ),
    outside(
      'a signer that a signer issued',
      { token: { by: below }, beside: [below.certificate, who.outside.certificate, who.authorityCa] },
      'authority',
    ),
  ];
}

function revocations(): Promise<VectorCase>[] {
  const crl = (value: Uint8Array): JsonObject => ({ kind: 'crl', value: encodeBase64(value) });
  const ocsp = (value: Uint8Array): JsonObject => ({ kind: 'ocsp', value: encodeBase64(value) });
  const ca = { issuer: who.AUTHORITY_CA, key: who.authorityCaKey };
  const root = { issuer: who.AUTHORITY_ROOT, key: who.authorityRootKey };
  const signer = who.outside.certificate;
  const answer = { issuer: who.authorityCa, key: who.authorityCaKey };
  const BEFORE = '261122065959';
  const AFTER = '261122070000';
  const using = (...revocation: readonly JsonObject[]) => rootToken({ members: { revocation } });
  const fine = (name: string, ...revocation: readonly JsonObject[]) => good(name, [using(...revocation)]);
  const spoilt = (name: string, ...revocation: readonly JsonObject[]) =>
    bad(name, 'authority', using(...revocation));
  const revoked = (at: string, reason?: number) => ({
    certificate: signer,
    at,
    ...(reason !== undefined && { reason }),
  });
  const list = (at: string, reason?: number) => crl(makeCrl({ ...ca, revoked: [revoked(at, reason)] }));
  const said = (at: string, reason?: number) => ocsp(makeOcsp({ ...answer, about: revoked(at, reason) }));
  const responderKey = signingKey('responder');
  const responder = who.certify({
    subject: 'responder',
    issuer: who.AUTHORITY_CA,
    key: responderKey,
    signer: who.authorityCaKey,
    purposes: ['1.3.6.1.5.5.7.3.9'],
    serial: 900,
  });
  const other = who.certify({
    subject: 'no responder',
    issuer: who.AUTHORITY_CA,
    key: responderKey,
    signer: who.authorityCaKey,
    serial: 901,
  });
  const delegated = (certificates: readonly Uint8Array[]) =>
    ocsp(makeOcsp({ ...answer, about: { certificate: signer }, key: responderKey, certificates }));
  const goodAnswer = makeOcsp({ ...answer, about: { certificate: signer } });
  return [
    fine(
      'lists of both issuers, with others revoked',
      crl(makeCrl({ ...ca, revoked: [{ certificate: who.outside256.certificate, at: BEFORE, reason: 1 }] })),
      crl(makeCrl(root)),
    ),
    fine('an answer that the certificate is good', ocsp(goodAnswer)),
    fine(
      'an answer that names by SHA-256',
      ocsp(makeOcsp({ ...answer, about: { certificate: signer }, hash: 'sha256' })),
    ),
    fine('an answer of a responder', delegated([other, responder])),
    fine(
      'a responder that does not know the certificate',
      ocsp(makeOcsp({ ...answer, about: { certificate: signer }, unknown: true })),
    ),
    fine(
      'a list of somebody else',
      crl(makeCrl({ issuer: 'somebody', key: who.namesakeKey, revoked: [revoked(BEFORE)] })),
    ),
    fine('superseded after the token', list(AFTER, 4), said(AFTER, 4)),
    fine('out of operation after the token', list(AFTER, 5)),
    fine('revoked after the token for no special reason', list(AFTER, 0)),
    fine('a list of what is in it', crl(makeCrl({ ...ca, critical: '2.5.29.28' }))),
    spoilt('superseded before the token', list(BEFORE, 4)),
    spoilt('superseded before the token, as the responder says', said(BEFORE, 4)),
    spoilt('a key that leaked after the token', list(AFTER, 1)),
    spoilt('a key that leaked after the token, as the responder says', said(AFTER, 1)),
    spoilt('revoked after the token without a reason', list(AFTER)),
    spoilt('revoked after the token without a reason, as the responder says', said(AFTER)),
    spoilt('on hold', list(AFTER, 6)),
    spoilt(
      'a CA that leaked',
      crl(makeCrl({ ...root, revoked: [{ certificate: who.authorityCa, at: AFTER, reason: 2 }] })),
    ),
    spoilt('a list that only bears the issuer’s name', crl(makeCrl({ ...ca, key: who.namesakeKey }))),
    bad(
      'a list of a CA that may sign none',
      'authority',
      rootToken({
        token: { by: who.belowListless },
        beside: [who.belowListless.certificate, who.listless],
        members: {
          revocation: [crl(makeCrl({ issuer: 'outside CA without lists', key: who.listlessKey }))],
        },
      }),
    ),
    spoilt(
      'an answer that the issuer did not sign',
      ocsp(makeOcsp({ ...answer, about: { certificate: signer }, key: who.namesakeKey })),
    ),
    spoilt('an answer of one who is no responder', delegated([other])),
    spoilt(
      'an answer without the responder’s certificate',
      ocsp(makeOcsp({ ...answer, about: { certificate: signer }, key: responderKey })),
    ),
    bad('a list of changes only', 'token', using(crl(makeCrl({ ...ca, critical: '2.5.29.27' })))),
    bad('a list of version 1', 'token', using(crl(makeCrl({ ...ca, version: 0 })))),
    bad('a list that is cut', 'token', using(crl(makeCrl(ca).slice(0, -1)))),
    bad('an answer in place of a list', 'token', using(crl(goodAnswer))),
    bad(
      'no answer but «try later»',
      'token',
      using(ocsp(makeOcsp({ ...answer, about: { certificate: signer }, status: 3 }))),
    ),
  ];
}

function formatDamages(): Promise<VectorCase>[] {
  const { token: _, ...withoutToken } = manifestToken();
  const long = encode(TAG.octetString, new Uint8Array(8190));
  const manifest = (name: string, members: Readonly<Record<string, Json>>) =>
    bad(name, 'format', { ...manifestToken(), ...members });
  const root = (name: string, members: Readonly<Record<string, Json>>) =>
    bad(name, 'format', { ...rootToken(), ...members });
  return [
    bad('a token without its bytes', 'format', withoutToken),
    manifest('a token with a member more', { log }),
    manifest('a token that is no base64', { token: 'AA' }),
    manifest('a token that is longer than any', { token: encodeBase64(new Uint8Array(32_769)) }),
    manifest('nine certificates beside a token', { certificates: base64(Array(9).fill(new Uint8Array())) }),
    manifest('a certificate beside a token that is too long', { certificates: base64([long]) }),
    bad('a bulk token without its path', 'format', { ...manifestToken(), type: 'rfc3161-bulk/1' }),
    bad('a bulk path of no leaf', 'format', bulkToken({ members: { size: 0 } })),
    root('a log of another form', { log: { ...log, contract: CONTRACT.slice(2) } }),
    root('a revocation of another kind', { revocation: [{ kind: 'list', value: '' }] }),
    root('nine revocations', { revocation: Array.from({ length: 9 }, () => ({ kind: 'crl', value: '' })) }),
    root('a revocation that is longer than any', {
      revocation: [{ kind: 'crl', value: encodeBase64(new Uint8Array(262_145)) }],
    }),
  ];
}

/** Keys for tokens and PDFs sign no certificates, and others may have any purpose but theirs. */
function purposeCases(): Promise<VectorCase>[] {
  const issuer = (...purposes: readonly string[]) =>
    makeCertificate({
      subject: 'kezheng test issuer',
      issuer: 'kezheng test root',
      key: issuerKey,
      signer: signingKey('root'),
      serial: 5,
      notBefore: '260101000000',
      notAfter: '360101000000',
      ca: false,
      purposes,
    });
  const by = (name: string, verdict: 'valid' | 'invalid', ...purposes: readonly string[]) =>
    vector(name, verdict, verdict === 'valid' ? [] : ['issuer'], { x5c: [issuer(...purposes)] });
  return [
    by('an issuer’s certificate with a purpose of its own', 'valid', '1.2.3.4'),
    by('an issuer’s certificate for time stamps', 'invalid', who.TIME_STAMPING),
    by('an issuer’s certificate for documents among others', 'invalid', '1.2.3.4', who.DOCUMENT_SIGNING),
  ];
}

export const tokenCases = (): Promise<VectorCase>[] => [
  ...goodTokens(),
  ...openTokens(),
  ...damagedTokens(),
  ...revocations(),
  ...formatDamages(),
  ...purposeCases(),
];
