import type { SignBytes } from '../certificate/build.ts';
import type { ChainedEvent } from '../entry/event-chain.ts';
import { encodeBase64Url } from '../read/base64.ts';
import { toHex, utf8 } from '../read/bytes.ts';
import { canonicalize, type JsonObject } from '../read/json.ts';
import { buildProtected, signingInput } from '../read/jws.ts';
import { HEAD_FORMAT, headBytesToSign } from './head.ts';

/** The exact bytes of the head of a case whose last event is this one: RFC 8785, signed. `at` is an instant. */
export async function buildCaseHead(
  { event, leaf }: ChainedEvent,
  at: string,
  x5c: readonly Uint8Array[],
  sign: SignBytes,
): Promise<Uint8Array> {
  const unsigned: JsonObject = {
    at,
    case: event.case,
    count: event.index + 1,
    format: HEAD_FORMAT,
    last: toHex(leaf),
    procedure: event.procedure,
    state: event.to,
  };
  const header = buildProtected(x5c);
  const signature = await sign(signingInput(header, headBytesToSign(unsigned)));
  return utf8(
    canonicalize({ ...unsigned, signature: { protected: header, signature: encodeBase64Url(signature) } }),
  );
}
