import { createHash, randomBytes } from 'node:crypto';
import type { PeopleStore, Ticket } from '../ports/people.ts';

/* Something begun that is finished once and soon: whoever finishes it shows the token, of which only the hash is kept. */

/** 256 random bits: a plain hash is enough, there is nothing to guess. */
export const ticketId = (token: string): string => createHash('sha256').update(token).digest('hex');

export const newToken = (): string => randomBytes(32).toString('base64url');

export async function issueTicket(
  people: Pick<PeopleStore, 'addTicket'>,
  ticket: Pick<Ticket, 'kind' | 'person'> & { readonly data: object; readonly lifeMs: number },
  nowMs: number,
  token = newToken(),
): Promise<string> {
  const { kind, person, data, lifeMs } = ticket;
  const id = ticketId(token);
  await people.addTicket({ id, kind, person, data: JSON.stringify(data), expiresMs: nowMs + lifeMs });
  return token;
}
