import type { Door } from '../../ports/door.ts';
import type { TspTransport } from '../../ports/tsp.ts';

/*
 * RFC 3161 §3.4 over HTTP: the query is posted, the reply is status 200 with its own media type. An error page, a
 * login page or a proxy's word never passes for a reply.
 */

const QUERY_TYPE = 'application/timestamp-query';
const REPLY_TYPE = 'application/timestamp-reply';

/** Tokens with the whole chain inside have about 8 KiB; some carry a CRL beside it. */
const MAX_REPLY_BYTES = 256 * 1_024;

export const createTspTransport = (door: Door): TspTransport => ({
  async ask(url, query, signal) {
    const { body } = await door.ask({
      url,
      method: 'POST',
      headers: { 'content-type': QUERY_TYPE, accept: REPLY_TYPE },
      body: query,
      maxBytes: MAX_REPLY_BYTES,
      expects: { types: [REPLY_TYPE] },
      ...(signal && { signal }),
    });
    return body;
  },
});
