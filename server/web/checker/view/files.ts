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
  const remove = (slot: FileSlot) => () => {
    void desk.removeFile(slot);
    drop.input.focus();
  };
  // A row stays with its file: of thousands of files the end of one must not draw all anew.
  const rows = new Map<FileSlot, Row>();
  let listed: readonly FileSlot[] = [];
  desk.onChange((change) => {
    const { files } = desk.state;
    if (change !== 'files' && change !== 'progress') return;
    if (files !== listed) {
      listed = files;
      for (const slot of rows.keys()) if (!files.includes(slot)) rows.delete(slot);
      for (const slot of files) if (!rows.has(slot)) rows.set(slot, rowOf(slot, remove(slot)));
      fill(
        list,
        files.map((slot) => rows.get(slot)!.element),
      );
      drop.element.classList.toggle('small', files.length > 0);
      fill(drop.element.querySelector('.zone-words')!, page(files.length > 0 ? 'files-more' : 'files-drop'));
    }
    for (const row of rows.values()) row.update();
  });
  return step(2, 'files', 'files-title', list, drop.element, digestsForm(desk));
}

interface Row {
  readonly element: HTMLElement;
  readonly update: () => void;
}

function rowOf(slot: FileSlot, onRemove: () => void): Row {
  const state = h('div', { class: 'file-state' });
  const head = h(
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
  );
  const bar = h('progress', { max: '1', 'aria-label': slot.name });
  const words = h('span', {});
  let shown: FileSlot['state'] | undefined;
  const update = (): void => {
    if (slot.state === 'hashing') {
      bar.value = slot.size ? slot.done / slot.size : 1;
      fill(words, page('file-hashing', { percent: Math.floor(100 * bar.value) }));
    }
    if (slot.state === shown) return;
    shown = slot.state;
    fill(state, shown === 'hashing' ? [bar, words] : stateOf(slot));
  };
  return { element: h('li', {}, head, state), update };
}

function stateOf({ state, given, renewal, head }: FileSlot): Node | readonly Node[] {
  if (head !== undefined) return h('span', {}, page('file-head'));
  if (renewal !== undefined) return h('span', {}, page('file-renewal'));
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
