import { type Child, fill, h } from '../../shared/dom.ts';
import { code, type Detail, foreign, page, spans } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import { pairs, step, wrong } from './step.ts';
import { zone } from './zone.ts';

/** Step 1. Whoever drops certificate and originals together gets them sorted. */
export function certificateStep(desk: Desk, wantedNumber: string | undefined): HTMLElement {
  const given = h('div', { class: 'given' });
  const wanted = h('div', {}, wantedNumber && note('wanted-number', { number: wantedNumber }));
  const drop = zone({
    id: 'certificate-file',
    words: page('certificate-drop'),
    hint: page('certificate-hint'),
    accept: '.json,.pdf,.zip,application/json,application/pdf,application/zip',
    onFiles: (files) => void desk.giveTogether(files),
  });
  desk.onChange((change) => {
    if (change === 'outcome' && wantedNumber !== undefined) fill(wanted, whatOfNumber(desk, wantedNumber));
    if (change !== 'certificate') return;
    const { certificate, case: ofCase, certificateWrong } = desk.state;
    const isThere = certificate !== undefined || ofCase !== undefined;
    fill(
      given,
      certificateWrong && wrong(spans(certificateWrong)),
      certificate && h('p', { class: 'name' }, foreign(certificate.name)),
      ofCase && h('p', { class: 'name' }, foreign(ofCase.name)),
      ofCase && h('p', {}, page('case-given', { count: ofCase.contents.events.length })),
      certificate && pairs([page('certificate-digest'), code(certificate.sha256)]),
    );
    drop.element.classList.toggle('small', isThere);
    fill(
      drop.element.querySelector('.zone-words')!,
      page(isThere ? 'certificate-other' : 'certificate-drop'),
    );
  });
  return step(1, 'certificate', 'certificate-title', wanted, given, drop.element);
}

const note = (code: string, detail: Detail): HTMLElement => h('p', { class: 'note' }, page(code, detail));

/** Whoever came by the QR code of one certificate and lays down another must see it. */
function whatOfNumber({ state: { outcome } }: Desk, number: string): Child {
  if (outcome.kind !== 'checked') return note('wanted-number', { number });
  const actual = outcome.report.facts?.certificate.number;
  return actual === undefined || actual === number
    ? undefined
    : wrong(page('wanted-other', { actual, number }));
}
