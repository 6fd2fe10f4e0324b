import { given, Issue } from '../inputs.ts';
import { type Guards, refuseIf } from './kind.ts';

const DAY_MS = 86_400_000;

export const deedGuards = {
  /** The file that was examined is the file that is named, and the office's signature on it holds (公证法 32). */
  'deed-signed': (seen) => {
    const named = given(Issue, seen);
    return named && refuseIf(seen.facts.deed?.sha256 !== named.sha256 || !seen.facts.deed.signed);
  },

  'deed-deposited': (seen) => {
    const named = given(Issue, seen);
    return named && refuseIf(seen.facts.deed === null || seen.facts.deed.deposit !== named.deposit);
  },

  'deed-number-free': (seen) => {
    const named = given(Issue, seen);
    return named && refuseIf(seen.facts.deed?.numberTaken ?? false);
  },

  'deed-undelivered': ({ data }) => refuseIf((data.deed?.deliveredMs ?? null) !== null),

  'deed-delivered': ({ data }) => refuseIf((data.deed?.deliveredMs ?? null) === null),

  'recheck-in-time': ({ data, facts, nowMs }) => {
    const days = facts.rules.recheckWithinDays;
    const issuedMs = data.deed?.versions[0]?.atMs ?? nowMs;
    return days !== null && nowMs - issuedMs > days * DAY_MS ? { days } : undefined;
  },
} satisfies Guards;
