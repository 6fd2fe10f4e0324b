import { encodeBase64 } from '../../server/core/read/base64.ts';
import type { JsonObject } from '../../server/core/read/json.ts';
import type { VectorCase } from './cases.ts';
import { signingKey } from './keys.ts';
import * as who from './stampers.ts';
import { makeCrl } from './token.ts';
import { AUTHORITY, at, authority, bad, good, rootToken, trusted } from './token-sample.ts';

/*
 * Vectors of step 10: certificates beside a token that show more than one way, in every order.
 */

const secondKey = signingKey('second root');
const root = { subject: 'second root', issuer: 'second root', key: secondKey, signer: secondKey };
const secondRoot = who.certify({ ...root, ca: true, lists: true, serial: 920 });
/** The outside authority's CA, as another root has it. */
const crossed = who.certify({
  ...{ subject: who.AUTHORITY_CA, issuer: 'second root', key: who.authorityCaKey, signer: secondKey },
  ...{ ca: true, lists: true, serial: 921 },
});

const first = authority(AUTHORITY, [who.authorityRoot]);
const second = authority('second authority', [secondRoot]);
const both = { trust: trusted({ authorities: [first, second] }) };

export function wayCases(): Promise<VectorCase>[] {
  const signer = who.outside.certificate;
  const revoked = (reason: number): JsonObject => ({
    kind: 'crl',
    value: encodeBase64(
      makeCrl({
        ...{ issuer: 'second root', key: secondKey },
        revoked: [{ certificate: crossed, at: '261122065959', reason }],
      }),
    ),
  });
  const ways = (beside: readonly Uint8Array[], revocation: readonly JsonObject[] = [], genTime?: string) =>
    rootToken({
      ...(genTime !== undefined && { token: { genTime: at(genTime) } }),
      beside: [signer, ...beside],
      members: { revocation },
    });
  const [ca, cross] = [who.authorityCa, crossed];
  const LEAKED = 1;
  const SUPERSEDED = 4;
  return [
    good('a way to each of two authorities: the first of the list', [ways([cross, ca])], both),
    good('the same two ways in another order', [ways([ca, cross])], both),
    good('the way to the second authority alone', [ways([cross])], both),
    good(
      'two tokens of one key by way of two authorities: one witness',
      [ways([ca]), ways([cross], [], '06:59:58.000')],
      both,
    ),
    good(
      'a key that stood under the first authority makes no witness of the second',
      [rootToken({ token: { by: who.outside256 } }), ways([ca]), ways([cross], [], '06:59:58.000')],
      both,
    ),
    good('two authorities', [ways([cross]), rootToken({ token: { by: who.outside256 } })], both),
    bad(
      'another way’s certificate whose key leaked',
      'authority',
      ways([ca, cross], [revoked(LEAKED)]),
      both,
    ),
    bad('the same in another order', 'authority', ways([cross, ca], [revoked(LEAKED)]), both),
    bad(
      'another way’s certificate that was superseded',
      'authority',
      ways([ca, cross], [revoked(SUPERSEDED)]),
      both,
    ),
    bad(
      'a key that leaked, as one says whom nobody lists',
      'authority',
      ways([secondRoot, ca, cross], [revoked(LEAKED)]),
    ),
    good('a certificate that nobody needs was superseded', [
      ways([secondRoot, cross, ca], [revoked(SUPERSEDED)]),
    ]),
    good('a list of one who is not here', [ways([cross, ca], [revoked(LEAKED)])]),
  ];
}
