import { type Context, transitionOf } from '../engine/table.ts';
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

/** What the service found when it checked the evidence, for the content of the event that rests on it. */
export const checkedEvidence = ({ facts }: Pick<Seen, 'facts'>) =>
  facts.evidence.map(({ id, verdict, problems, checkedAtMs }) => ({
    id,
    verdict,
    problems: [...problems],
    checkedAt: new Date(checkedAtMs).toISOString(),
  }));
