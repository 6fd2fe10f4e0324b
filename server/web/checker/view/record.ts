import { type Child, h } from '../../shared/dom.ts';
import { code, foreign, page } from '../../shared/words.ts';
import type { State } from '../state.ts';
import { times } from './clocks.ts';
import { pairs } from './step.ts';
import { sourceOf } from './trust.ts';

/** What a printed record needs besides the report: when it was checked and with what. On the screen it stands above. */
export function recordHead(
  { certificate, case: ofCase, trust, blocks }: State,
  { atMs }: { readonly atMs: number },
): HTMLElement {
  const asked = [...blocks.values()].map(({ block }) =>
    h('div', {}, foreign(block.source), ' ', code(block.hash ?? '–')),
  );
  const nothing = page('record-nothing');
  return h(
    'div',
    { class: 'only-print' },
    h('h1', {}, page('record-title')),
    pairs(
      [page('record-checked'), times(new Date(atMs).toISOString())],
      ofCase
        ? [page('record-case'), foreign(ofCase.name)]
        : [
            page('record-certificate'),
            named(certificate && [foreign(certificate.name)], certificate?.sha256),
          ],
      [page('record-trust'), trust ? named(sourceOf(trust), trust.sha256) : nothing],
      [page('record-blocks'), asked.length > 0 ? asked : nothing],
    ),
  );
}

const named = (name: Child, sha256: string | undefined): readonly Child[] => [
  h('span', {}, name),
  h('div', { class: 'digest' }, h('span', {}, 'SHA-256'), code(sha256 ?? '')),
];

/** Who checked signs on paper. */
export const recordFoot = (): HTMLElement =>
  h(
    'div',
    { class: 'only-print signing' },
    h('p', {}, page('record-person'), h('span', { class: 'line' })),
    h('p', {}, page('record-date'), h('span', { class: 'line' })),
  );
