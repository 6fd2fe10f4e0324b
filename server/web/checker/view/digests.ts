import { fill, h } from '../../shared/dom.ts';
import { page, plain } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import { wrong } from './step.ts';

/** What sha256sum prints: the digest, a space, a space or `*`, the name. */
const LINE = /^([0-9a-f]{64})(?:[ \t]+\*?(.*))?$/i;

/** For a file that is on another machine: its digest, which is reported as supplied and not as recomputed. */
export function digestsForm(desk: Desk): HTMLElement {
  const trouble = h('div', {});
  const text = h('textarea', {
    rows: '3',
    spellcheck: 'false',
    autocomplete: 'off',
    'aria-label': plain('digests-hint'),
  });
  const add = (): void => {
    const lines = text.value.split('\n').map((line) => line.trim());
    const bad = lines.findIndex((line) => line !== '' && !LINE.test(line));
    fill(trouble, bad === -1 ? undefined : wrong(page('digests-wrong', { line: bad + 1 })));
    if (bad !== -1) return;
    const digests = lines.flatMap((line) => {
      const [, sha256, name] = LINE.exec(line) ?? [];
      return sha256 === undefined ? [] : [{ sha256: sha256.toLowerCase(), ...(name && { name }) }];
    });
    text.value = '';
    void desk.addDigests(digests);
  };
  return h(
    'details',
    { class: 'digests' },
    h('summary', {}, page('digests-open')),
    h('p', { class: 'hint' }, page('digests-hint')),
    text,
    trouble,
    h('button', { type: 'button', onclick: add }, page('digests-add')),
  );
}
