import type { Actor } from '../../../server/casework/engine/case.ts';

export const uuidOf = (n: number): string => `00000000-0000-7000-8000-${n.toString(16).padStart(12, '0')}`;

export const ORGS = {
  applicant: uuidOf(1),
  firm: uuidOf(2),
  office: uuidOf(3),
  otherOffice: uuidOf(4),
  court: uuidOf(5),
  department: uuidOf(6),
  stranger: uuidOf(7),
  operator: uuidOf(8),
} as const;

const actor = (
  organization: keyof typeof ORGS,
  organizationRole: Actor['organizationRole'],
  role: Actor['role'],
  person: number | null,
): Actor => ({
  organization: ORGS[organization],
  organizationRole,
  person: person === null ? null : uuidOf(person),
  role,
  name: `${organization} ${role}`,
});

export const PEOPLE = {
  applicant: actor('applicant', 'depositor', 'member', 100),
  reader: actor('applicant', 'depositor', 'reader', 101),
  machine: actor('applicant', 'depositor', 'machine', null),
  agent: actor('firm', 'law-firm', 'member', 102),
  notary: actor('office', 'notary', 'notary', 103),
  second: actor('office', 'notary', 'notary', 104),
  approver: actor('office', 'notary', 'approver', 105),
  approverToo: actor('office', 'notary', 'approver', 106),
  assistant: actor('office', 'notary', 'assistant', 107),
  admin: actor('office', 'notary', 'admin', 108),
  otherNotary: actor('otherOffice', 'notary', 'notary', 109),
  judge: actor('court', 'court', 'member', 110),
  officer: actor('department', 'department', 'member', 111),
  stranger: actor('stranger', 'depositor', 'admin', 112),
  operator: actor('operator', 'operator', 'admin', 113),
  /** Works at the office, and is the same person as `applicant`. */
  twoHats: actor('office', 'notary', 'approver', 100),
  system: actor('operator', 'operator', 'system', null),
} as const satisfies Record<string, Actor>;

export type Person = keyof typeof PEOPLE;

/** Who is a notary of the office by its own list, whatever a session says. */
export const NOTARIES = [
  PEOPLE.notary,
  PEOPLE.second,
  PEOPLE.approver,
  PEOPLE.approverToo,
  PEOPLE.twoHats,
].map(({ person }) => person!);

/** Members of the organizations that apply in these tests. */
export const INTERESTED = Object.values(PEOPLE)
  .filter(({ organization }) => organization === ORGS.applicant || organization === ORGS.firm)
  .flatMap(({ person }) => person ?? []);

/** By id: members of the office. */
export const NAMES: Readonly<Record<string, string>> = Object.fromEntries(
  Object.values(PEOPLE)
    .filter(({ organization }) => organization === ORGS.office)
    .map(({ person, name }) => [person, name]),
);

export const REGISTERED: Readonly<Record<string, Actor['organizationRole']>> = Object.fromEntries(
  Object.values(PEOPLE).map(({ organization, organizationRole }) => [organization, organizationRole]),
);
