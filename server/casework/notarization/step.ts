import { type Context, transitionOf } from '../engine/table.ts';
import type { Application } from './application.ts';
import type { NotarizationData } from './data.ts';
import type { NotarizationFacts } from './facts.ts';
import type { GuardName } from './guards/all.ts';
import type { ClockName, State, Who } from './names.ts';

/** A row of this table, with names that are checked when it is compiled. */
export const step = transitionOf<
  NotarizationData,
  NotarizationFacts,
  { state: State; who: Who; guard: GuardName; clock: ClockName }
>();

type Seen = Context<NotarizationData, NotarizationFacts>;

/** A person who acts for an applicant is a party from then on, and acts for no office in this case. */
export const withParty = (data: NotarizationData, { actor }: Pick<Seen, 'actor'>): NotarizationData =>
  actor.person === null || data.parties.includes(actor.person)
    ? data
    : { ...data, parties: [...data.parties, actor.person] };

/** Of what is put in, what nobody owned before belongs to whoever puts it in: a guard has made sure of it. */
const ownersOf = ({ owners }: NotarizationData, ids: readonly string[], { actor }: Pick<Seen, 'actor'>) =>
  Object.fromEntries(ids.map((id) => [id, owners[id] ?? actor.organization]));

export const depositsOf = ({ evidence, agent }: Application): readonly string[] => [
  ...evidence.map(({ id }) => id),
  ...(agent?.authority === undefined ? [] : [agent.authority.deposit]),
];

/** Whoever is taken out and put in again joins again. */
export function withApplication(
  data: NotarizationData,
  application: Application,
  context: Pick<Seen, 'actor'>,
): NotarizationData {
  const named = new Set(application.applicants.map(({ organization }) => organization));
  const joined = new Set([...data.joined, context.actor.organization].filter((one) => named.has(one)));
  const owners = ownersOf(data, depositsOf(application), context);
  return withParty({ ...data, application, owners, joined: [...joined] }, context);
}

/** What the service found when it checked the evidence, for the content of the event that rests on it. */
export const checkedEvidence = ({ facts }: Pick<Seen, 'facts'>) =>
  facts.evidence.map(({ id, verdict, problems, checkedAtMs }) => ({
    id,
    verdict,
    problems: [...problems],
    checkedAt: new Date(checkedAtMs).toISOString(),
  }));
