import { randomBytes } from 'node:crypto';
import type { Authority } from '../../../authority/tsa.ts';
import { sha256Imprint } from '../../../core/token/imprint.ts';
import { encodeRequest } from '../../../core/token/request.ts';
import { parseResponse } from '../../../core/token/response.ts';
import { DeedProblem } from '../../../documents/deed/problem.ts';

/** A token over this SHA-256, asked for as anybody would ask. Throws DeedProblem where the authority gives none now. */
export const stampBy =
  (authority: Authority) =>
  async (imprint: Uint8Array): Promise<Uint8Array> => {
    const request = encodeRequest({ imprint: sha256Imprint(imprint), nonce: randomBytes(8), certReq: true });
    const response = parseResponse((await authority.answer(request)).bytes);
    if (!response.granted) throw new DeedProblem('deed-stamp-away', { said: response.text });
    return response.token;
  };
