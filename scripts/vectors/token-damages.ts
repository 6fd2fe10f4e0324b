import { sha256 } from '../../server/core/hash/sha256.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import { concat, utf8 } from '../../server/core/read/bytes.ts';
import { TAG } from '../../server/core/read/der.ts';
import { encode } from '../../server/core/read/encode-der.ts';
import { canonicalize, type Json, type JsonObject } from '../../server/core/read/json.ts';
import { PROMISE_POLICY, PUBLIC_POLICY } from '../../server/core/token/policies.ts';
import { CONTRACT } from './block.ts';
import type { VectorCase } from './cases.ts';
import { signingKey } from './keys.ts';
import { makeTree } from './sample.ts';
import * as who from './stampers.ts';
import {
  accuracyOf,
  digestOf,
  flipped,
  makeCrl,
  makeOcsp,
  type Stamper,
  type TokenRequest,
} from './token.ts';
import {
  AUTHORITY,
  authority,
  bad,
  base64,
  bulk,
  bulkToken,
  digestOfEntry,
  entry,
  good,
  issuers,
  log,
  manifestToken,
  RSA_ENCRYPTION,
  rootDigest,
  rootToken,
  type Shape,
  tree,
  trusted,
} from './token-sample.ts';
/*
 * Vectors of step 10: everything about a token that can be wrong, and what is said of revocation.
 */

export function damagedTokens(): Promise<VectorCase>[] {
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
  const oldOwnRoot = who.certify({
    ...{ subject: who.OWN_ROOT, issuer: who.OWN_ROOT, key: who.ownRootKey, signer: who.ownRootKey },
    ...{ ca: true, serial: 910, notAfter: '260201000000' },
  });
  const sameKey = who.certify({
    ...{ subject: 'own', issuer: 'own', key: who.outside.key, signer: who.outside.key },
    ...{ ca: true, serial: 911 },
  });
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
    outside(
      'a token that is older than its entry',
      { token: { genTime: '2026-02-22T07:00:00Z' } },
      'authority',
    ),
    token('an own token that is older than its entry', { genTime: '2026-11-22T06:58:58.999Z' }, 'authority'),
    bad('an own root that is expired, and the same key listed elsewhere', 'authority', manifestToken(), {
      trust: trusted({
        issuers: issuers(oldOwnRoot),
        authorities: [authority(AUTHORITY, [who.ownRoot], [PROMISE_POLICY])],
      }),
    }),
    bad('a key of the issuer in an outside authority’s certificate', 'authority', rootToken(), {
      trust: trusted({ issuers: issuers(sameKey) }),
    }),
    bad(
      'a bulk token that is older than its entry',
      'authority',
      bulkToken({ token: { genTime: '2026-02-22T07:00:00Z' } }),
    ),
    bad(
      'a stranger’s token that is older than its entry',
      'authority',
      rootToken({
        token: { by: who.stranger, genTime: '2026-02-22T07:00:00Z' },
        beside: [who.stranger.certificate, who.strangerRoot],
      }),
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

const manyElements = (count: number) =>
  encode(TAG.sequence, ...Array.from({ length: count }, () => Uint8Array.of(5, 0)));

export function revocations(): Promise<VectorCase>[] {
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
  const about = (more: { readonly until: string | null }) =>
    ocsp(makeOcsp({ ...answer, about: { certificate: signer }, ...more }));
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
    fine('a list that is about some certificates only', crl(makeCrl({ ...ca, critical: '2.5.29.28' }))),
    fine('a list that ended before the token', crl(makeCrl({ ...ca, until: BEFORE }))),
    fine('a list that ends after the token', crl(makeCrl({ ...ca, until: AFTER }))),
    fine('a list that does not say how long it holds', crl(makeCrl({ ...ca, until: null }))),
    fine('an answer that ended before the token', about({ until: BEFORE })),
    fine('an answer that does not say how long it holds', about({ until: null })),
    fine('an answer that ended, and a list that did not', about({ until: BEFORE }), crl(makeCrl(ca))),
    spoilt(
      'a list of some certificates, one of which leaked',
      crl(makeCrl({ ...ca, critical: '2.5.29.28', revoked: [revoked(AFTER, 1)] })),
    ),
    spoilt(
      'a list that ended before the token, with a key that leaked',
      crl(makeCrl({ ...ca, until: BEFORE, revoked: [revoked(BEFORE, 1)] })),
    ),
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
    bad('a list of too many elements', 'token', using(crl(manyElements(20_000)))),
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

export function formatDamages(): Promise<VectorCase>[] {
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
