import { sha256 } from '../../server/core/hash/sha256.ts';
import { utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type JsonObject } from '../../server/core/read/json.ts';
import { PROMISE_POLICY } from '../../server/core/token/policies.ts';
import { folderSample, type VectorCase, vector } from './cases.ts';
import { signingKey } from './keys.ts';
import { issuerKey } from './sample.ts';
import * as who from './stampers.ts';
import { accuracyOf, type Stamper, type TokenRequest } from './token.ts';
import { damagedTokens, formatDamages, revocations } from './token-damages.ts';

import {
  AUTHORITY,
  at,
  authority,
  bad,
  bulkToken,
  earnest,
  good,
  issuers,
  manifestToken,
  RSA_ENCRYPTION,
  rootToken,
  type TokenCase,
  trusted,
  withTokens,
} from './token-sample.ts';
import { wayCases } from './token-ways.ts';
import { makeCertificate } from './x509.ts';

/*
 * Vectors of step 10: tokens of each type, by each kind of key.
 */

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
    good('a token as early as its entry’s clock may be ahead', [
      by(who.outside, { genTime: at('06:58:59.000') }),
    ]),
    good('a time finer than a millisecond', [by(who.outside, { genTimeText: '20261122065958.1230004Z' })]),
    good('a time of the millisecond', [by(who.outside, { genTimeText: '20261122065958.123Z' })]),
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

function folderToken(request: Partial<TokenRequest> = {}): JsonObject {
  const [folder] = folderSample().inclusion as readonly JsonObject[];
  const manifest = folder!['manifest'] as JsonObject;
  return manifestToken({ token: { digest: sha256(utf8(canonicalize(manifest))), ...request } });
}

const OLD = '2026-02-22T07:00:00Z';
const EVENT: JsonObject = { format: 'kezheng-event/1', anything: [1, 'two', null] };

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
    open(
      'an old token over an entry that says no time',
      [manifestToken({ token: { digest: sha256(utf8(canonicalize(EVENT))), genTime: OLD } })],
      { entry: EVENT },
    ),
    open('an own token proves no time where no block was compared', [manifestToken()], { blocks: () => [] }),
  ];
}

const lateFolder = (): Promise<VectorCase> =>
  bad(
    'a file of a folder, whose manifest has a token that is older',
    'authority',
    folderToken({ genTime: OLD }),
    folderSample(),
  );

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
  lateFolder(),
  ...revocations(),
  ...formatDamages(),
  ...wayCases(),
  ...purposeCases(),
];
