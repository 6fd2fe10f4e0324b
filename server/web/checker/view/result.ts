import { type Child, fill, h } from '../../shared/dom.ts';
import { type Both, page, spans } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import type { Outcome, State } from '../state.ts';
import { type CheckedCase, casePart, present as presentCase } from './case.ts';
import { checksPart, notProvenPart } from './checks.ts';
import { clocksPart } from './clocks.ts';
import { factsPart } from './facts.ts';
import { type Checked, type Presented, present } from './presented.ts';
import { recordFoot, recordHead } from './record.ts';
import { verdictPart } from './verdict.ts';

/** What comes of the check. A voice is told the verdict alone, and not the whole report after each change. */
export function resultPart(desk: Desk): HTMLElement {
  const said = h('p', { class: 'unseen', role: 'status' });
  const body = h('div', { class: 'result-body' });
  const show = (): void => {
    const { outcome } = desk.state;
    if (outcome.kind === 'checked') {
      const presented = present(outcome);
      fill(said, spans(presented.verdictText));
      fill(body, whole(desk.state, outcome, presented));
    } else if (outcome.kind === 'case') {
      const presented = presentCase(outcome);
      fill(said, spans(presented.verdictText));
      fill(body, [
        ...(presented.testChainText ? [across(presented.testChainText)] : []),
        ...casePart(desk.state, outcome, presented),
      ]);
    } else {
      fill(said);
      fill(body, h('p', { class: `no-result ${outcome.kind}` }, whyNoResult(outcome)));
    }
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
    ...(presented.testChainText ? [across(presented.testChainText)] : []),
    recordHead(state, checked),
    verdictPart(state, presented, 'certificate', presented.facts?.counts?.at),
    clocksPart(presented),
    ...(presented.notProven.length > 0 ? [notProvenPart(presented)] : []),
    checksPart(presented, checked.hints),
    factsPart(presented),
    recordFoot(),
  ];
}

/** On paper, over each page: one that is torn off the others says it too. */
const across = (text: Both): HTMLElement =>
  h(
    'div',
    { class: 'only-print across', 'aria-hidden': 'true' },
    h('span', {}, text.zh),
    h('span', {}, text.en),
  );

function whyNoResult(outcome: Exclude<Outcome, Checked | CheckedCase>): readonly Child[] {
  switch (outcome.kind) {
    case 'empty':
      return page('result-empty');
    case 'waiting':
      return outcome.count === 0 ? page('result-reading') : page('result-waiting', { count: outcome.count });
    case 'stopped':
      return page(outcome.code);
    case 'broken':
      return page('result-broken', { why: outcome.why });
  }
}
