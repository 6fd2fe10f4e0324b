import type { CaseFacts, EventLine } from '../../../core/verify/case.ts';
import { presentCase } from '../../../messages/report.ts';
import { type Child, h } from '../../shared/dom.ts';
import { code, foreign, page } from '../../shared/words.ts';
import type { Outcome, State } from '../state.ts';
import { group, notProvenPart } from './checks.ts';
import { times } from './clocks.ts';
import { recordFoot, recordHead } from './record.ts';
import { pairs } from './step.ts';
import { verdictPart } from './verdict.ts';

/* What comes of the check of a case: its verdict, its history, and every check. */

export type CheckedCase = Extract<Outcome, { kind: 'case' }>;
type PresentedCase = ReturnType<typeof present>;

export const present = ({ report }: CheckedCase) => presentCase(report);

export const casePart = (state: State, checked: CheckedCase, presented: PresentedCase): readonly Node[] => [
  recordHead(state, checked),
  verdictPart(state, presented, 'case', undefined),
  ...(presented.facts ? [history(presented.facts)] : []),
  notProvenPart(presented, 'case-not-proven-title'),
  checks(presented),
  recordFoot(),
];

const history = (facts: CaseFacts): HTMLElement =>
  h(
    'section',
    { class: 'facts', 'aria-labelledby': 'history-title' },
    h('h3', { id: 'history-title' }, page('history-title')),
    pairs(
      [page('history-case'), code(facts.case)],
      [page('history-procedure'), code(facts.procedure)],
      [page('history-state'), foreign(facts.state)],
      [page('history-held'), page('history-held-value', { held: facts.held, count: facts.events.length })],
    ),
    h('ol', { class: 'history', start: '0' }, facts.events.map(eventItem)),
  );

const eventItem = (event: EventLine): HTMLElement =>
  h(
    'li',
    { 'data-event': String(event.index), value: String(event.index) },
    h(
      'div',
      {},
      h('strong', {}, code(event.action)),
      ' ',
      event.from === null ? '—' : foreign(event.from),
      ' → ',
      foreign(event.to),
    ),
    h('div', {}, page('history-by'), ' ', who(event)),
    h('div', {}, page('history-at'), ' ', times(event.at)),
    h(
      'div',
      {},
      page('history-proven'),
      ' ',
      event.counts ? times(event.counts.at) : page('history-unproven'),
    ),
  );

/** A machine by its key, or the service itself, is no person. */
const who = ({ actor: { organization, person, role } }: EventLine): Child => [
  foreign(role),
  ' ',
  code(organization),
  person === null ? undefined : [' ', code(person)],
];

/** Those of each event and each head together, in their order. */
function checks({ checks: all }: PresentedCase): HTMLElement {
  const places = [...new Set(all.map(({ at }) => at))];
  return h(
    'section',
    { class: 'checks', 'aria-labelledby': 'checks-title' },
    h('h3', { id: 'checks-title' }, page('checks-title')),
    places.map((place) =>
      group(
        titleOf(place),
        all.filter(({ at }) => at === place),
        [],
      ),
    ),
  );
}

function titleOf(place: string | undefined): readonly Child[] {
  const [, kind, index] = /^(event|head|evidence)s?\[(\d+)\]$/.exec(place ?? '') ?? [];
  if (kind === undefined) return page('group-case');
  // Events are numbered as they number themselves.
  return page(`group-${kind}`, { number: kind === 'event' ? Number(index) : Number(index) + 1 });
}
