import { fill, h } from '../../shared/dom.ts';
import { code, foreign, page, plain } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import type { FileSlot } from '../state.ts';
import { digestsForm } from './digests.ts';
import { step, wrong } from './step.ts';
import { zone } from './zone.ts';

/** Step 2: the originals, each with its progress and its digests. */
export function filesStep(desk: Desk): HTMLElement {
  const list = h('ul', { class: 'files' });
  const drop = zone({
    id: 'original-files',
    words: page('files-drop'),
    hint: page('files-hint'),
    multiple: true,
    onFiles: (files) => void desk.addFiles(files),
  });
  let rows: readonly Row[] = [];
  desk.onChange((change) => {
    const { files } = desk.state;
    if (change === 'progress') for (const row of rows) row.showProgress();
    if (change !== 'files') return;
    const remove = (slot: FileSlot) => () => {
      void desk.removeFile(slot);
      drop.input.focus();
    };
    rows = files.map((slot) => rowOf(slot, remove(slot)));
    fill(
      list,
      rows.map((row) => row.element),
    );
    drop.element.classList.toggle('small', files.length > 0);
    fill(drop.element.querySelector('.zone-words')!, page(files.length > 0 ? 'files-more' : 'files-drop'));
  });
  return step(2, 'files', 'files-title', list, drop.element, digestsForm(desk));
}

interface Row {
  readonly element: HTMLElement;
  readonly showProgress: () => void;
}

function rowOf(slot: FileSlot, onRemove: () => void): Row {
  const state = h('div', { class: 'file-state' });
  const element = h(
    'li',
    { class: slot.state },
    h(
      'div',
      { class: 'file-head' },
      h('span', { class: 'name' }, foreign(slot.name)),
      slot.size === undefined
        ? undefined
        : h('span', { class: 'size' }, page('bytes', { size: slot.size.toLocaleString('en') })),
      h(
        'button',
        { type: 'button', 'aria-label': plain('remove-file', { name: slot.name }), onclick: onRemove },
        page('remove'),
      ),
    ),
    state,
  );
  const bar = h('progress', { max: '1', 'aria-label': slot.name });
  const words = h('span', {});
  const showProgress = (): void => {
    if (slot.state !== 'hashing') return;
    const part = slot.size ? slot.done / slot.size : 1;
    bar.value = part;
    fill(words, page('file-hashing', { percent: Math.floor(100 * part) }));
    if (bar.parentNode !== state) fill(state, bar, words);
  };
  if (slot.state === 'hashing') showProgress();
  else fill(state, stateOf(slot));
  return { element, showProgress };
}

function stateOf({ state, given }: FileSlot): Node | readonly Node[] {
  if (given === undefined)
    return state === 'waiting'
      ? h('span', {}, page('file-waiting'))
      : wrong(page(`file-${state.replace('file-', '')}`));
  const digests = [
    h('div', { class: 'digest' }, h('span', {}, 'SHA-256'), code(given.sha256)),
    ...(given.sm3 === undefined
      ? []
      : [h('div', { class: 'digest' }, h('span', {}, 'SM3'), code(given.sm3))]),
  ];
  return given.basis === 'supplied' ? [h('span', {}, page('file-supplied')), ...digests] : digests;
}
