import type { Hint } from '../../../cli/hints.ts';
import { type Child, h } from '../../shared/dom.ts';
import { page, say, spans } from '../../shared/words.ts';
import { mark } from './mark.ts';
import type { Presented } from './presented.ts';

type Shown = Presented['checks'][number];

/** Every check in the order of FORMAT.md, with its reason; those of each anchor and each token together, that of a PDF by itself. */
export function checksPart({ checks }: Presented, hints: readonly Hint[]): HTMLElement {
  const places = [...new Set(checks.map(placeOf))];
  return h(
    'section',
    { class: 'checks', 'aria-labelledby': 'checks-title' },
    h('h3', { id: 'checks-title' }, page('checks-title')),
    places.map((place) =>
      group(
        titleOf(place),
        checks.filter((check) => placeOf(check) === place),
        hints.filter(({ check }) => placeOfFirst(checks, check) === place),
      ),
    ),
  );
}

const PDF = 'pdf';

const placeOf = ({ id, at }: Shown): string | undefined => (id === 'pdf-pages' ? PDF : at);

/** A hint stands with the first check that it is about. */
function placeOfFirst(checks: readonly Shown[], id: string): string | undefined {
  const first = checks.find((check) => check.id === id);
  return first && placeOf(first);
}

/** What no check can show stands before the checks: whoever reads only the first page has read it. */
export const notProvenPart = (
  { notProven }: Pick<Presented, 'notProven'>,
  title = 'not-proven-title',
): HTMLElement =>
  h(
    'section',
    { class: 'not-proven', 'aria-labelledby': 'not-proven-title' },
    h('h3', { id: 'not-proven-title' }, page(title)),
    h(
      'ul',
      {},
      notProven.map((item) => h('li', {}, spans(item))),
    ),
  );

/** `anchors[0]` is the first anchor to people. A place of another kind stands for itself. */
function titleOf(place: string | undefined): readonly Child[] {
  if (place === undefined) return page('group-certificate');
  if (place === PDF) return page('group-pdf');
  const [, kind, index] = /^(anchor|token)s\[(\d+)\]$/.exec(place) ?? [];
  return kind === undefined ? [place] : page(`group-${kind}`, { number: Number(index) + 1 });
}

export const group = (
  title: readonly Child[],
  checks: readonly Shown[],
  hints: readonly Hint[],
): HTMLElement =>
  h(
    'div',
    { class: 'group' },
    h('h4', {}, title),
    h(
      'ul',
      {},
      checks.map((check) =>
        row(
          check,
          hints.filter((hint) => hint.check === check.id),
        ),
      ),
    ),
  );

const row = ({ id, at, status, name, reason }: Shown, hints: readonly Hint[]): HTMLElement =>
  h(
    'li',
    { class: `check ${status}`, 'data-check': id, 'data-at': at, 'data-status': status },
    mark(status),
    h('div', { class: 'check-name' }, spans(name)),
    h('div', { class: 'check-status' }, say('status', status)),
    h(
      'div',
      { class: 'check-reason' },
      spans(reason),
      hints.map((hint) => h('p', { class: 'a-hint' }, spans(hint))),
    ),
  );
