import type { Clock } from '../ports/clock.ts';
import type { IdentityNumber, PeopleStore } from '../ports/people.ts';
import type { Sealing } from '../ports/sealing.ts';
import { newIdentity } from './api-keys.ts';
import { hasRightCheck } from './resident-number.ts';

/*
 * Numbers of identity documents. Everybody sees the masked form; the whole number is sealed, and to read it is an event
 * on the account of whoever read it (encrypted and de-identified as 个人信息保护法 Art. 51 asks).
 */

export const IDENTITY_KINDS = ['resident', 'passport', 'other'] as const;
export type IdentityKind = (typeof IDENTITY_KINDS)[number];

export type IdentityRefusal =
  /** not of the form that numbers of this kind have */
  | 'identity-number-malformed'
  /** its last character does not belong to the others: mistyped */
  | 'identity-number-check'
  /** the date in it is none, or is to come */
  | 'identity-number-birth';

/** Any document of some country: visible characters, as it prints them. */
const OTHER = /^[\p{L}\p{N}](?:[\p{L}\p{N} ()./-]{0,62}[\p{L}\p{N})])?$/u;
/** Nine characters as a rule; some states have more. */
const PASSPORT = /^[A-Z0-9]{5,20}$/;

/** As it is kept: no spaces, full-width characters as usual ones, letters in capitals. */
export const normalIdentityNumber = (kind: IdentityKind, text: string): string => {
  const plain = text.normalize('NFKC').trim().toUpperCase();
  return kind === 'other' ? plain : plain.replaceAll(/\s/g, '');
};

/** Why a number, in its normal form, is not taken; undefined where it is. */
export function whyNoIdentityNumber(
  kind: IdentityKind,
  number: string,
  nowMs: number,
): IdentityRefusal | undefined {
  if (kind === 'passport') return PASSPORT.test(number) ? undefined : 'identity-number-malformed';
  if (kind === 'other') return OTHER.test(number) ? undefined : 'identity-number-malformed';
  // Those of 15 digits, without century and check, ended with the cards of the first kind, on 1 January 2013.
  if (!/^[1-9][0-9]{16}[0-9X]$/.test(number)) return 'identity-number-malformed';
  if (!hasRightCheck(number)) return 'identity-number-check';
  return isPastDay(number.slice(6, 14), nowMs) ? undefined : 'identity-number-birth';
}

function isPastDay(digits: string, nowMs: number): boolean {
  const day = digits.replace(/^(....)(..)(..)$/, '$1-$2-$3');
  const atMs = Date.parse(`${day}T00:00:00Z`);
  // Date.parse takes 30 February for a day in March.
  return atMs <= nowMs && new Date(atMs).toISOString().startsWith(day);
}

/** 前三后四 of a resident's number; of others so little that the rest cannot be guessed from it. */
export function maskIdentityNumber(kind: IdentityKind, number: string): string {
  const characters = [...number];
  const { length } = characters;
  const [first, last] = kind === 'resident' ? [3, 4] : length >= 8 ? [1, 2] : [0, 1];
  return characters.map((one, i) => (i < first || i >= length - last ? one : '*')).join('');
}

export interface IdentityNumberDeps {
  readonly people: Pick<
    PeopleStore,
    'addIdentityNumber' | 'identityNumber' | 'eraseIdentityNumber' | 'recordAccountEvent'
  >;
  readonly sealing: Sealing;
  readonly clock: Clock;
}

/** Keeps a number for an organization; what comes back is all that anybody else may keep or show. */
export async function keepIdentityNumber(
  { people, sealing, clock }: IdentityNumberDeps,
  given: { readonly organization: string; readonly kind: IdentityKind; readonly number: string },
): Promise<IdentityRefusal | { readonly id: string; readonly masked: string }> {
  const nowMs = clock.nowMs();
  const { organization, kind } = given;
  const number = normalIdentityNumber(kind, given.number);
  const refused = whyNoIdentityNumber(kind, number, nowMs);
  if (refused !== undefined) return refused;
  const id = newIdentity(nowMs);
  const masked = maskIdentityNumber(kind, number);
  const sealed = await sealing.seal('identity-number', id, new TextEncoder().encode(number));
  await people.addIdentityNumber({
    ...{ id, organization, kind, masked, sealed },
    createdMs: nowMs,
    erasedMs: undefined,
  });
  return { id, masked };
}

/** Who reads, and what for: a case, as a rule. */
export interface NumberReader {
  readonly person: string;
  readonly organization: string;
  readonly purpose: string;
}

/**
 * The whole number, for somebody with 'identity-number.read'. The event first: what was read without a trace would be
 * worse than a trace of what was not read.
 */
export async function readIdentityNumber(
  { people, sealing, clock }: IdentityNumberDeps,
  id: string,
  reader: NumberReader,
): Promise<'not-found' | 'erased' | { readonly kind: string; readonly number: string }> {
  const kept: IdentityNumber | undefined = await people.identityNumber(id);
  if (kept === undefined) return 'not-found';
  if (kept.erasedMs !== undefined) return 'erased';
  const { person, organization, purpose } = reader;
  await people.recordAccountEvent({
    ...{ person, organization, atMs: clock.nowMs(), action: 'identity-number-read' },
    detail: JSON.stringify({ identityNumber: id, of: kept.organization, purpose }),
  });
  const clear = await sealing.open('identity-number', id, kept.sealed);
  return { kind: kept.kind, number: new TextDecoder().decode(clear) };
}

/** False where there is none, or it was erased before. */
export async function eraseIdentityNumber(
  { people, clock }: IdentityNumberDeps,
  id: string,
  by: Omit<NumberReader, 'purpose'>,
): Promise<boolean> {
  const nowMs = clock.nowMs();
  if (!(await people.eraseIdentityNumber(id, nowMs))) return false;
  await people.recordAccountEvent({
    ...{ person: by.person, organization: by.organization, atMs: nowMs, action: 'identity-number-erased' },
    detail: JSON.stringify({ identityNumber: id }),
  });
  return true;
}
