import type { PeopleStore, Ticket } from '../ports/people.ts';
import { newToken, tokenHash } from './tokens.ts';

/** Begins something that is finished once and soon: whoever finishes it shows the token, of which only the hash is kept. */
export async function issueTicket(
  people: Pick<PeopleStore, 'addTicket'>,
  ticket: Pick<Ticket, 'kind' | 'person'> & { readonly data: object; readonly lifeMs: number },
  nowMs: number,
  token = newToken(),
): Promise<string> {
  const { kind, person, data, lifeMs } = ticket;
  const id = tokenHash(token);
  await people.addTicket({ id, kind, person, data: JSON.stringify(data), expiresMs: nowMs + lifeMs });
  return token;
}
