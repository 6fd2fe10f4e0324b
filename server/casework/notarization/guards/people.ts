import { Assign, DraftCorrection, given } from '../inputs.ts';
import { type Guards, refuseIf, type Seen } from './kind.ts';

/*
 * Who may act for the office in this case. 公证法 23 (3): nobody for himself, for close relatives, or where they have an
 * interest.
 */

/** Whom the action puts or finds in charge: the person assigned by it, or else who acts. */
const personOf = (seen: Seen): string | null => given(Assign, seen)?.person ?? seen.actor.person;

export const peopleGuards = {
  'person-present': ({ actor }) => refuseIf(actor.person === null),

  'office-applied-to': (seen) => {
    const assigned = given(Assign, seen);
    return assigned && refuseIf(assigned.organization !== seen.data.application?.office);
  },

  'notary-of-office': (seen) => {
    // Whom somebody would assign is not known before he is named.
    if (seen.input === undefined) return undefined;
    return refuseIf(!seen.facts.notaries.includes(personOf(seen) ?? ''));
  },

  /** A notary may take what nobody has; to give it to somebody, or take it from somebody, is for the office. */
  'assigned-by-office': (seen) => {
    if (seen.who.includes('office-admin')) return undefined;
    const assigned = given(Assign, seen);
    const toItself = assigned === undefined || assigned.person === seen.actor.person;
    return refuseIf(seen.data.handling !== null || !toItself);
  },

  /** Neither who has acted for a party nor who belongs to one, whatever he is at the office. */
  'not-own-matter': (seen) => {
    const person = personOf(seen);
    const { interested } = seen.facts;
    return refuseIf(person !== null && (seen.data.parties.includes(person) || interested.includes(person)));
  },

  'recusal-declared': ({ data: { handling, recusal } }) =>
    refuseIf(recusal === null || recusal.person !== handling?.person),

  'no-conflict': ({ data }) => {
    const conflict = data.recusal?.conflicts[0];
    return conflict && { relation: `relation.${conflict.relation}` };
  },

  'approver-is-another': ({ actor, data }) => refuseIf(actor.person === data.handling?.person),

  'draft-approved-by-another': ({ data: { approval, handling } }) =>
    refuseIf(approval === null || approval.person === handling?.person),

  /** By whoever writes it, for himself. */
  'correction-unconflicted': (seen) => {
    const conflict = given(DraftCorrection, seen)?.conflicts[0];
    return conflict && { relation: `relation.${conflict.relation}` };
  },

  'correction-by-another': ({ actor, data: { deedCorrection } }) =>
    refuseIf(deedCorrection?.person === actor.person),

  'correction-approved-by-another': ({ data: { deedCorrection } }) => {
    const approval = deedCorrection?.approval ?? null;
    return refuseIf(approval === null || approval.person === deedCorrection?.person);
  },

  'recheck-by-another': ({ actor, data, facts }) =>
    refuseIf(facts.rules.recheckByAnother && actor.person === data.handling?.person),
} satisfies Guards;
