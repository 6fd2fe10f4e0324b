import { encodeBase64 } from '../core/read/base64.ts';
import { equalBytes } from '../core/read/bytes.ts';
import type { JsonObject } from '../core/read/json.ts';
import { parseToken } from '../core/token/read.ts';
import { fitsCertificate, type RevocationAnswer } from '../ports/revocation.ts';
import type { BatchToken, BatchTokenStore, TokenEvidence } from '../ports/store.ts';
import { isRoot } from './stamps.ts';

/*
 * Tokens of outside authorities as certificates carry them: FORMAT.md, `rfc3161-root/1`.
 */

/**
 * All of them in one certificate, in characters: half of what a certificate may have, so that tokens never keep one from
 * being issued. With two intermediates and answers about revocation a token takes some 12,000.
 */
const MAX_CHARACTERS = 512 * 1_024;

/** In the order in which they were kept. One that finds no room goes without answers, or not at all. */
export async function rootTokenObjects(
  store: Pick<BatchTokenStore, 'tokenEvidence'>,
  tokens: readonly BatchToken[],
): Promise<readonly JsonObject[]> {
  const objects: JsonObject[] = [];
  let room = MAX_CHARACTERS;
  for (const token of tokens) {
    const evidence = await store.tokenEvidence(token.evidence);
    const certificates = evidence.filter(({ kind }) => kind === 'certificate');
    for (const given of [evidence, certificates]) {
      const object = rootTokenObject(token, given);
      const { length } = JSON.stringify(object);
      if (length > room) continue;
      objects.push(object);
      room -= length;
      break;
    }
  }
  return objects;
}

/** Roots are the reader's to know; what is inside the token need not stand beside it too. */
function rootTokenObject({ log, token }: BatchToken, evidence: readonly TokenEvidence[]): JsonObject {
  const inside = parseToken(token).certificates;
  const isInside = (one: Uint8Array) => inside.some((other) => equalBytes(one, other));
  const certificates = evidence.flatMap(({ kind, value }) =>
    kind === 'certificate' && !isRoot(value) && !isInside(value) ? [value] : [],
  );
  return {
    type: 'rfc3161-root/1',
    log: { ...log },
    token: encodeBase64(token),
    certificates: certificates.map((one) => encodeBase64(one)),
    revocation: evidence
      .filter(isAnswer)
      .filter(fitsCertificate)
      .map(({ kind, value }) => ({ kind, value: encodeBase64(value) })),
  };
}

const isAnswer = (one: TokenEvidence): one is RevocationAnswer => one.kind !== 'certificate';
