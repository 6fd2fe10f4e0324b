import { sha256 } from '../../server/core/hash/sha256.ts';
import { encodeBase64 } from '../../server/core/read/base64.ts';
import { toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type Json, type JsonObject } from '../../server/core/read/json.ts';
import { PROMISE_POLICY } from '../../server/core/token/policies.ts';
import { CHAIN_ID, CONTRACT } from './block.ts';
import { type CaseOptions, PHOTO, type VectorCase, vector } from './cases.ts';
import { fileMember, makeTree, manifestOf, operator, rootCertificate, trustList } from './sample.ts';
import * as who from './stampers.ts';
import { makeToken, type Stamper, type TokenRequest } from './token.ts';

/*
 * Tokens of each type over the sample certificate, and the trust lists that go with them.
 */

export const entry = manifestOf([fileMember('photo.jpg')]);
export const tree = makeTree(entry, 2, 5);
export const digestOfEntry = sha256(utf8(canonicalize(entry)));
export const base64 = (list: readonly Uint8Array[]): Json => list.map(encodeBase64);

export const AUTHORITY = 'outside authority';
export const POLICY = '1.2.3.4.5';
export const at = (time: string) => `2026-11-22T${time}Z`;

export const authority = (
  label: string,
  roots: readonly Uint8Array[],
  policies: readonly string[] = [POLICY],
): JsonObject => ({
  label,
  policies,
  roots: base64(roots),
});

export const issuers = (...certificates: readonly Uint8Array[]): JsonObject[] => [
  { name: 'kezheng test', certificates: base64([rootCertificate, ...certificates]) },
];

/** The operator's stamp root beside its issuer's, and one outside authority. */
export const trusted = (changes: Readonly<Record<string, Json>> = {}): JsonObject =>
  trustList({
    issuers: issuers(who.ownRoot),
    authorities: [authority(AUTHORITY, [who.authorityRoot])],
    ...changes,
  });

/** The chain of the vectors as one that is in earnest. */
export const earnest = (changes: Readonly<Record<string, Json>> = {}): JsonObject =>
  trusted({
    logs: (trustList()['logs'] as readonly JsonObject[]).map((log) => ({ ...log, test: false })),
    ...changes,
  });

export interface Shape {
  readonly token?: Partial<TokenRequest>;
  /** a damage done to the finished token */
  readonly damage?: (token: Uint8Array) => Uint8Array;
  readonly beside?: readonly Uint8Array[];
  readonly members?: Readonly<Record<string, Json>>;
}

export const stamped = (
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

export const manifestToken = (shape: Shape = {}): JsonObject =>
  stamped(
    'rfc3161-manifest/1',
    { digest: digestOfEntry, policy: PROMISE_POLICY, genTime: at('07:00:00.020'), by: who.own },
    shape,
  );

export const bulk = makeTree(entry, 4, 7);
export const bulkToken = (shape: Shape = {}): JsonObject =>
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

export const log = { chainId: CHAIN_ID, contract: CONTRACT, index: 7, operator: operator.address };
export const rootDigest = (changes: JsonObject = {}, of = tree): Uint8Array =>
  sha256(
    utf8(canonicalize({ format: 'kezheng-root/1', ...log, root: toHex(of.root), size: of.size, ...changes })),
  );

export const rootToken = (shape: Shape = {}): JsonObject =>
  stamped(
    'rfc3161-root/1',
    { digest: rootDigest(), policy: POLICY, genTime: at('06:59:59.500'), by: who.outside },
    {
      beside: [(shape.token?.by ?? who.outside).certificate, who.authorityCa],
      ...shape,
      members: { log, revocation: [], ...shape.members },
    },
  );

export interface TokenCase extends Omit<CaseOptions, 'tokens' | 'trust'> {
  readonly trust?: JsonObject | null;
}

export const withTokens = (
  name: string,
  verdict: VectorCase['expect']['verdict'],
  failed: VectorCase['expect']['failed'],
  tokens: readonly JsonObject[],
  options: TokenCase = {},
): Promise<VectorCase> =>
  vector(name, verdict, failed, { files: PHOTO, trust: trusted(), ...options, tokens });

export const good = (name: string, tokens: readonly JsonObject[], options?: TokenCase) =>
  withTokens(name, 'valid', [], tokens, options);
export const bad = (
  name: string,
  failed: 'token' | 'authority' | 'format',
  token: JsonObject,
  options?: TokenCase,
) => withTokens(name, 'invalid', [failed], [token], options);

export const RSA_ENCRYPTION = Uint8Array.of(0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0);
