import { FormatError, type Reason } from '../core/reason.ts';
import { assembleToken, certificateSet, draftToken, tokenForm } from '../core/token/build.ts';
import { PUBLIC_POLICY } from '../core/token/policies.ts';
import { failureOf, parseRequest, type TimeStampRequest } from '../core/token/request.ts';
import { encodeGranted, encodeRefusal } from '../core/token/response.ts';
import { sentence } from '../messages/sentence.ts';
import type { TokenClock } from '../ports/stamp.ts';

/*
 * The public time-stamp service, RFC 3161: a token over anybody's digest. It grants one policy, which promises nothing
 * but the time; the policy of deposits is never granted to who asks for it.
 */

export interface AuthorityDeps {
  /** DER, the signer's first; a client that asks for certificates gets all of them */
  readonly chain: readonly Uint8Array[];
  readonly accuracyMs: number;
  readonly clock: TokenClock;
  /** octets of a number that was never used before */
  readonly nextSerial: () => Uint8Array;
  /** ECDSA P-256 with SHA-256, DER */
  readonly sign: (bytes: Uint8Array) => Promise<Uint8Array>;
}

export type TokenOutcome = 'granted' | 'refused' | 'time-not-available';

export interface Authority {
  /** DER of a TimeStampReq to DER of a TimeStampResp; whatever the bytes are, there is an answer. */
  answer(request: Uint8Array): Promise<{ readonly outcome: TokenOutcome; readonly bytes: Uint8Array }>;
}

export function createAuthority({ chain, accuracyMs, clock, nextSerial, sign }: AuthorityDeps): Authority {
  const form = tokenForm({ certificate: chain[0]!, policy: PUBLIC_POLICY, accuracyMs });
  const certificates = certificateSet(chain);

  async function grant(
    { imprint, nonce, certReq }: TimeStampRequest,
    genTimeMs: number,
  ): Promise<Uint8Array> {
    const draft = draftToken(form, { imprint: imprint.raw, serial: nextSerial(), genTimeMs, nonce });
    const signature = await sign(draft.toSign);
    return encodeGranted(assembleToken(form, draft, signature, certReq ? certificates : undefined));
  }

  return {
    async answer(bytes) {
      let request: TimeStampRequest;
      try {
        request = parseRequest(bytes, [PUBLIC_POLICY]);
      } catch (error) {
        if (!(error instanceof FormatError)) throw error;
        return { outcome: 'refused', bytes: encodeRefusal(failureOf(error), textOf(error)) };
      }
      const timeMs = await clock.next();
      if (typeof timeMs === 'number') return { outcome: 'granted', bytes: await grant(request, timeMs) };
      return { outcome: 'time-not-available', bytes: encodeRefusal('timeNotAvailable', TIME_TEXT) };
    },
  };
}

/** PKIFreeText is for people: both languages, as everywhere. */
const textOf = ({ code, detail }: Reason): string =>
  `${sentence('zh', 'reason', code, detail)} / ${sentence('en', 'reason', code, detail)}`;

/** Why the clock is in doubt is for operators. */
const TIME_TEXT = `${sentence('zh', 'health', 'clock-in-doubt')} / ${sentence('en', 'health', 'clock-in-doubt')}`;
