import type { When } from '../../../core/verify/report.ts';
import { type Child, h } from '../../shared/dom.ts';
import { code, foreign, page } from '../../shared/words.ts';
import { mark } from './mark.ts';
import type { Presented } from './presented.ts';

/** Clocks that the operator runs himself: what they say is his statement, whatever is signed. */
const STATED: readonly string[] = ['server', 'issuer', 'own-token'];

/** The clocks side by side: who runs each, what it says, and which one counts. */
export function clocksPart({ facts }: Presented): HTMLElement {
  const counts = facts?.counts;
  return h(
    'section',
    { class: 'clocks', 'aria-labelledby': 'clocks-title' },
    h('h3', { id: 'clocks-title' }, page('clocks-title')),
    h('p', { class: 'hint' }, page('clocks-note')),
    h(
      'ul',
      {},
      (facts?.when ?? []).map((when) =>
        clock(
          when,
          chainsAt(facts, when),
          when.clock === counts?.clock && when.at === counts.at && when.proven,
          isOfTest(facts, when),
        ),
      ),
    ),
    counts === undefined ? h('p', { class: 'no-time' }, page('clocks-none')) : undefined,
  );
}

/** Blocks of several chains may stand in one certificate: each is shown with its chain, as the trust list names it. */
const chainsAt = (facts: Presented['facts'], when: When): readonly Child[] =>
  when.clock !== 'block'
    ? []
    : (facts?.anchors ?? [])
        .filter(({ blockTime }) => blockTime === when.at)
        .map(({ chain, chainId, blockNumber: number }) =>
          h(
            'span',
            { class: 'clock-of' },
            chain === undefined
              ? page('blocks-ask-unnamed', { chainId, number })
              : page('blocks-ask', { chain, number }),
          ),
        );

/** A block of a test chain proves nothing where a clock in earnest is there. */
const isOfTest = (facts: Presented['facts'], when: When): boolean =>
  when.clock === 'block' &&
  (facts?.anchors ?? []).some(({ blockTime, test }) => blockTime === when.at && test);

function clock(when: When, of: readonly Child[], isTheOne: boolean, ofTest: boolean): HTMLElement {
  const proven = when.proven && ofTest ? 'test' : 'proven';
  const kind = STATED.includes(when.clock) ? 'stated' : when.proven ? proven : 'open';
  return h(
    'li',
    { class: isTheOne ? `${kind} counts` : kind },
    h('div', { class: 'clock-name' }, h('strong', {}, page(`clock-${when.clock}`)), of, moreOf(when)),
    h('div', { class: 'clock-time' }, times(when.at)),
    h(
      'div',
      { class: 'clock-kind' },
      isTheOne
        ? [mark('passed'), h('strong', {}, page('clocks-counts'))]
        : h('span', {}, page(`clock-${kind}`)),
    ),
  );
}

/** A clock may say who it is; what the certificate's format brings later is shown without knowing it. */
const moreOf = (when: When): Child => {
  const label = (when as { readonly label?: unknown }).label;
  return typeof label === 'string' ? foreign(label) : undefined;
};

/** Beijing time is UTC+8 all the year, whatever the computer is set to. */
const BEIJING_MS = 8 * 3_600_000;

const written = (ms: number): string => new Date(ms).toISOString().replace('T', ' ').replace('Z', '');

export const times = (iso: string): HTMLElement =>
  h(
    'span',
    { class: 'times' },
    h('span', { class: 'beijing' }, code(written(Date.parse(iso) + BEIJING_MS)), ' ', page('beijing')),
    h('time', { datetime: iso }, written(Date.parse(iso)), ' UTC'),
  );
