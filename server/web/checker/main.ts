import './older.ts';
import '../shared/base.css';
import './steps.css';
import './result.css';
import './sizes.css';
import { sentence } from '../../messages/sentence.ts';
import { fill, h } from '../shared/dom.ts';
import { code, page } from '../shared/words.ts';
import { Desk } from './desk.ts';
import { serviceOf } from './online.ts';
import type { Outcome } from './state.ts';
import { blocksStep } from './view/blocks.ts';
import { certificateStep } from './view/certificate.ts';
import { filesStep } from './view/files.ts';
import { resultPart } from './view/result.ts';
import { trustStep } from './view/trust.ts';

/*
 * The page, from top to bottom. Everything that is given goes over the desk; each part shows what of it concerns it.
 */

const desk = new Desk();
window.kezheng = desk;
const service = serviceOf(document, location);

window.addEventListener('error', ({ error }) => desk.breakOff(error));
window.addEventListener('unhandledrejection', ({ reason }) => desk.breakOff(reason));

/** Behind the `#`, where the QR code of a printed certificate led here. */
const [, wantedNumber] = /^#(\d{4}-\d{8,12}-\d{2})$/.exec(location.hash) ?? [];

const savedDigest = document.documentElement.dataset['online'];
const toSave = service && [
  h('p', {}, h('a', { href: '/verify.html', download: 'kezheng-verify.html' }, page('save-page'))),
  h('p', { class: 'hint' }, page('save-page-digest'), ' ', code(savedDigest ?? '')),
];

const TITLE = document.title;

/** Names the printed file, and tells one of several windows from another. */
function titleOf(outcome: Outcome): string {
  if (outcome.kind !== 'checked' && outcome.kind !== 'case') return TITLE;
  const number =
    outcome.kind === 'case'
      ? (outcome.report.facts?.case ?? '')
      : (outcome.report.facts?.certificate.number ?? '');
  return `${sentence('zh', 'verdict', outcome.report.verdict)} ${number} · ${TITLE}`;
}

const actions = h(
  'p',
  { class: 'actions' },
  h('button', { type: 'button', class: 'print', onclick: () => print() }, page('print')),
  // The page keeps nothing: loaded again, it is empty.
  h('button', { type: 'button', onclick: () => location.reload() }, page('again')),
);
actions.hidden = true;
desk.onChange(() => {
  const { outcome } = desk.state;
  actions.hidden = outcome.kind !== 'checked' && outcome.kind !== 'case';
  document.title = titleOf(outcome);
});

fill(
  document.getElementById('page')!,
  h(
    'header',
    {},
    h('h1', {}, page('title')),
    h('p', { class: 'lead' }, page(service ? 'lead-online' : 'lead-saved')),
    toSave,
  ),
  h(
    'div',
    { class: 'steps' },
    certificateStep(desk, wantedNumber),
    filesStep(desk),
    trustStep(desk, service),
    blocksStep(desk, service),
  ),
  resultPart(desk),
  actions,
  h('footer', {}, h('p', {}, page('foot'))),
);

// A file that misses its place must not take the reader away from the page: the browser would open it.
document.addEventListener('dragover', (event) => event.preventDefault());
document.addEventListener('drop', (event) => {
  event.preventDefault();
  const files = [...(event.dataTransfer?.files ?? [])];
  const { certificate, case: ofCase } = desk.state;
  const isFirst = certificate === undefined && ofCase === undefined;
  void (isFirst ? desk.giveTogether(files) : desk.addFiles(files));
});
