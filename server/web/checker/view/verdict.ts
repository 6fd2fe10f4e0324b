import type { ComparedBlock } from '../../../core/verify/anchors.ts';
import { type Child, h } from '../../shared/dom.ts';
import { page, spans } from '../../shared/words.ts';
import type { State } from '../state.ts';
import { times } from './clocks.ts';
import { mark } from './mark.ts';
import type { Presented } from './presented.ts';

/** Where the reader goes on: each thing to do is a step of the page. */
const STEP_OF: Readonly<Record<string, string>> = {
  'block-hash': '#blocks',
  'trust-list': '#trust',
  files: '#files',
  content: '#files',
  'case-head': '#files',
};

/** Of a certificate or of a case. */
type Judged = Omit<Presented, 'facts' | 'notProven'>;

/** The verdict with its sentence, what speaks against it, and what is left to do. */
export function verdictPart(
  state: State,
  presented: Judged,
  of: 'certificate' | 'case',
  time: string | undefined,
): HTMLElement {
  const { verdict, verdictText, testChainText } = presented;
  return h(
    'div',
    { class: `verdict ${verdict}` },
    h(
      'div',
      { class: 'verdict-head' },
      mark(verdict),
      h('p', { class: 'verdict-word' }, spans(verdictText)),
      h(
        'p',
        { class: 'verdict-sentence' },
        page(of === 'case' ? `verdict-case-${verdict}` : `verdict-${verdict}`),
      ),
      time === undefined ? undefined : h('p', { class: 'verdict-time' }, times(time)),
    ),
    testChainText &&
      h(
        'div',
        { class: 'test-chain' },
        h('strong', {}, spans(testChainText)),
        h('p', {}, page('test-chain-note')),
      ),
    cautions(state, presented),
    failures(presented),
    todo(presented),
    counts(presented),
  );
}

/** What the verdict leans on although it is not independent. */
function cautions({ trust, files, blocks }: State, presented: Judged): Child {
  const asked = [...blocks.values()];
  // Of that block, and not of any: one anchor that holds is enough for the verdict.
  const isFromPerson = ({ chainId, number }: ComparedBlock): boolean =>
    asked.some(
      ({ from, block }) => from === 'person' && block.chainId === chainId && block.number === number,
    );
  const codes = [
    ...(trust?.from === 'service' ? ['caution-trust'] : []),
    ...(asked.some(({ from, block }) => from === 'service' && !isFromPerson(block)) ? ['caution-block'] : []),
    ...(files.some(({ given }) => given?.basis === 'supplied') ? ['caution-supplied'] : []),
  ];
  return presented.verdict === 'invalid'
    ? undefined
    : list(
        'cautions',
        codes.map((code) => page(code)),
      );
}

const failures = ({ checks }: Judged): Child => {
  const failed = checks.filter(({ status }) => status === 'failed');
  return titled(
    'why-title',
    'why',
    failed.map(({ name, reason }) => [
      h('strong', {}, spans(name)),
      h('span', { class: 'reason' }, spans(reason)),
    ]),
  );
};

/** An invalid certificate becomes no better by what is added to it. */
function todo({ verdict, remaining }: Judged): Child {
  if (verdict === 'invalid') return undefined;
  const whats = [...new Set(remaining.map(({ what }) => what))];
  return titled(
    'todo-title',
    'todo',
    whats.map((what) => {
      const href = STEP_OF[what];
      const words = page(`todo-${what}`);
      return href === undefined ? words : [h('a', { href }, words)];
    }),
  );
}

const counts = ({ checks }: Judged): Child =>
  h(
    'ul',
    { class: 'tally' },
    ['passed', 'failed', 'unknown', 'skipped'].flatMap((status) => {
      const count = checks.filter((check) => check.status === status).length;
      return count === 0
        ? []
        : [h('li', {}, mark(status), h('span', {}, page(`count-${status}`, { count })))];
    }),
  );

const list = (name: string, items: readonly (readonly Child[])[]): Child =>
  items.length === 0
    ? undefined
    : h(
        'ul',
        { class: name },
        items.map((item) => h('li', {}, item)),
      );

const titled = (title: string, name: string, items: readonly (readonly Child[])[]): Child =>
  items.length === 0
    ? undefined
    : h('div', { class: `part-of-verdict ${name}` }, h('h3', {}, page(title)), list(name, items));
