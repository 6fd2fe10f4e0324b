import { beijing } from '../documents/content.ts';
import { deedState } from '../messages/deed-state.ts';
import type { Deed } from '../ports/cases.ts';

/* The public record of a deed as anybody reads it: dates, digests and links, and nothing that names anybody but the office. */

interface Happened {
  readonly what: 'issued' | 'corrected' | 'revoked' | 'announced';
  readonly at: string;
  readonly number?: string;
  readonly sha256?: string;
  readonly place?: string;
  readonly url?: string;
}

export type DeedView = ReturnType<typeof deedView>;

/** Member by member: what the record may hold one day is not told because it is there. */
export function deedView(deed: Deed, office: string) {
  const history = JSON.parse(deed.history) as readonly Happened[];
  return {
    number: deed.number,
    office,
    state: deed.state,
    stateText: deedState(deed.state),
    issued: moment(new Date(deed.issuedMs).toISOString()),
    // Of a deed that is void no file is in force.
    sha256: deed.state === 'revoked' ? null : deed.sha256,
    history: history.map(({ what, at, number, sha256, place, url }) => ({
      what,
      whatText: deedState(`event-${what}`),
      ...moment(at),
      ...(number !== undefined && { number }),
      ...(sha256 !== undefined && { sha256 }),
      ...(place !== undefined && { place }),
      ...(url !== undefined && { url }),
    })),
    note: deedState('note'),
  };
}

const moment = (at: string) => ({ at, china: `${beijing(at)} +08:00` });
