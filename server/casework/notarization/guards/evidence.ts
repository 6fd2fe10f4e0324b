import { type EvidenceItem, MAX_ITEMS } from '../application.ts';
import { OBTAINING_QUESTIONS } from '../codes.ts';
import type { EvidenceFact } from '../facts.ts';
import { Apply, Check, Drafting, given, Supply } from '../inputs.ts';
import { hasOwner } from './applying.ts';
import { type Guards, refuseIf, type Seen } from './kind.ts';

/** A check is of the moment: what was valid this morning may have been found damaged at noon. */
export const MAX_CHECK_AGE_MS = 3_600_000;

const itemsOf = ({ data }: Seen): readonly EvidenceItem[] => data.application?.evidence ?? [];

const isFresh = (fact: EvidenceFact, seen: Seen): boolean =>
  fact.checkedAtMs <= seen.nowMs && seen.nowMs - fact.checkedAtMs <= MAX_CHECK_AGE_MS;

/** The first item that is not found valid by a check that counts. */
function unproven(seen: Seen, counts: (fact: EvidenceFact) => boolean) {
  const valid = new Set(
    seen.facts.evidence.filter((fact) => fact.verdict === 'valid' && counts(fact)).map(({ id }) => id),
  );
  const item = itemsOf(seen).find(({ id }) => !valid.has(id));
  return item && { title: item.title, id: item.id };
}

/** Items of an application or of a supplement as they would stand in the case. */
function itemsAfter(seen: Seen): readonly EvidenceItem[] {
  const application = given(Apply, seen)?.application;
  return application?.evidence ?? [...itemsOf(seen), ...(given(Supply, seen)?.evidence ?? [])];
}

export const evidenceGuards = {
  'evidence-distinct': (seen) => {
    const ids = itemsAfter(seen).map(({ id }) => id);
    return refuseIf(new Set(ids).size < ids.length);
  },

  'evidence-within-limit': (seen) => (itemsAfter(seen).length > MAX_ITEMS ? { limit: MAX_ITEMS } : undefined),

  /** Whoever takes part reads the originals: only their owner puts them in. */
  'evidence-own': (seen) => {
    const item = itemsAfter(seen).find(({ id }) => !hasOwner(seen, id) && !seen.facts.own.includes(id));
    return seen.input === undefined || item === undefined ? undefined : { title: item.title, id: item.id };
  },

  'evidence-verified': (seen) => unproven(seen, (fact) => isFresh(fact, seen)),

  /** Again: by a check made since the case was accepted, of what was supplied since, too. */
  'evidence-verified-again': (seen) =>
    unproven(seen, (fact) => isFresh(fact, seen) && fact.checkedAtMs > (seen.data.acceptance?.atMs ?? 0)),

  'check-of-case': (seen) => {
    const ids = new Set(itemsOf(seen).map(({ id }) => id));
    return refuseIf(given(Check, seen)?.results.some(({ id }) => !ids.has(id)) ?? false);
  },

  'obtaining-checked': ({ data }) => {
    const answered = new Set(data.obtaining?.answers.map(({ question }) => question));
    const missing = OBTAINING_QUESTIONS.filter((question) => !answered.has(question));
    return missing.length > 0 ? { missing: missing.length } : undefined;
  },

  'obtaining-lawful': ({ data }) => {
    const found = data.obtaining?.answers.find(({ yes }) => yes);
    return found && { question: `obtaining.${found.question}` };
  },

  /** The annex lists every item, each once. */
  'annex-complete': (seen) => {
    const annex = given(Drafting, seen)?.annex;
    if (annex === undefined) return undefined;
    const ids = itemsOf(seen).map(({ id }) => id);
    const listed = new Set(annex);
    return refuseIf(annex.length !== ids.length || !ids.every((id) => listed.has(id)));
  },
} satisfies Guards;
