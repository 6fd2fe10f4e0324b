import { presentReport } from '../../../messages/report.ts';
import { bothLanguages } from '../../../messages/sentence.ts';
import { fill, h } from '../../shared/dom.ts';
import { page, spans } from '../../shared/words.ts';
import type { Outcome } from '../check.ts';
import type { Desk, State } from '../desk.ts';
import { checksPart, notProvenPart } from './checks.ts';
import { clocksPart } from './clocks.ts';
import { factsPart } from './facts.ts';
import { recordFoot, recordHead } from './record.ts';
import { verdictPart } from './verdict.ts';

export type Checked = Extract<Outcome, { kind: 'checked' }>;
export type Presented = ReturnType<typeof present>;

/** The report with its sentences in both languages, as service and command line show it. */
export const present = ({ report }: Checked) => presentReport(report);

/** What comes of the check. A voice is told the verdict alone, and not the whole report after each change. */
export function resultPart(desk: Desk): HTMLElement {
  const said = h('p', { class: 'unseen', role: 'status' });
  const body = h('div', { class: 'result-body' });
  const show = (): void => {
    const { outcome } = desk.state;
    const presented = outcome.kind === 'checked' ? present(outcome) : undefined;
    fill(said, presented ? spans(presented.verdictText) : undefined);
    fill(body, presented ? whole(desk.state, outcome as Checked, presented) : notChecked(outcome));
  };
  desk.onChange((change) => {
    if (change === 'outcome') show();
  });
  show();
  return h(
    'section',
    { class: 'result', id: 'result', 'aria-labelledby': 'result-title' },
    h('h2', { id: 'result-title' }, page('result-title')),
    said,
    body,
  );
}

function whole(state: State, checked: Checked, presented: Presented): readonly Node[] {
  return [
    recordHead(state, checked),
    verdictPart(state, presented),
    clocksPart(presented),
    ...(presented.notProven.length > 0 ? [notProvenPart(presented)] : []),
    checksPart(presented, checked.hints),
    factsPart(presented),
    recordFoot(),
  ];
}

function notChecked(outcome: Exclude<Outcome, Checked> | Outcome): Node {
  switch (outcome.kind) {
    case 'empty':
      return h('p', { class: 'no-result' }, page('result-empty'));
    case 'waiting':
      return h('p', { class: 'no-result' }, page('result-waiting', { count: outcome.count }));
    case 'stopped':
      return h('p', { class: 'no-result stopped' }, page(outcome.code));
    case 'broken':
      return h('p', { class: 'no-result stopped' }, spans(bothLanguages('page', 'result-broken', outcome)));
    default:
      throw new Error('a checked outcome is shown whole');
  }
}
