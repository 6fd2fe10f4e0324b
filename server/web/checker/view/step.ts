import { type Child, h } from '../../shared/dom.ts';
import { page } from '../../shared/words.ts';

/** One numbered step of what is to be handed in. */
export const step = (number: number, id: string, title: string, ...children: readonly Child[]): HTMLElement =>
  h(
    'section',
    { class: 'step', id, 'aria-labelledby': `${id}-title` },
    h(
      'h2',
      { id: `${id}-title` },
      h('span', { class: 'number', 'aria-hidden': 'true' }, String(number)),
      h('span', {}, page(title)),
    ),
    children,
  );

/** Pairs of a name and a value. */
export const pairs = (...rows: readonly (readonly [Child, Child] | undefined)[]): HTMLElement =>
  h(
    'dl',
    {},
    rows.flatMap((row) =>
      row === undefined ? [] : [h('div', {}, h('dt', {}, row[0]), h('dd', {}, row[1]))],
    ),
  );

export const wrong = (...children: readonly Child[]): HTMLElement =>
  h('p', { class: 'wrong', role: 'alert' }, children);
