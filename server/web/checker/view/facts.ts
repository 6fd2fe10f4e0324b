import type { Facts } from '../../../core/verify/report.ts';
import { pageZh } from '../../../messages/page-zh.ts';
import { type Child, h } from '../../shared/dom.ts';
import { code, foreign, page } from '../../shared/words.ts';
import { times } from './clocks.ts';
import type { Presented } from './presented.ts';
import { pairs } from './step.ts';

/** What the certificate says, in its own words; below, apart, what only its issuer vouches for. */
export function factsPart({ facts, verdict }: Presented): HTMLElement {
  if (facts === null) return h('div', {});
  return h(
    'section',
    { class: 'facts', 'aria-labelledby': 'facts-title' },
    h('h3', { id: 'facts-title' }, page('facts-title')),
    verdict === 'invalid' ? h('p', { class: 'wrong' }, page('facts-invalid')) : undefined,
    main(facts),
    files(facts),
    anchors(facts),
    stated(facts),
  );
}

const known = (name: string, value: Child): readonly [Child, Child] | undefined =>
  value === undefined ? undefined : [page(name), value];

const text = (value: string | undefined): Child => (value === undefined ? undefined : foreign(value));

function main({ certificate, what, who }: Facts): HTMLElement {
  const { depositor } = who;
  const uscc = depositor?.uscc ?? undefined;
  return pairs(
    known('fact-number', [code(certificate.number), ' ', page('fact-revision', certificate)]),
    known('fact-title', text(what?.title)),
    known('fact-id', what && code(what.evidenceId)),
    known('fact-depositor', depositor && [foreign(depositor.name), uscc && [' ', code(uscc)]]),
    known('fact-grade', what && page(`grade-${what.grade}`)),
    known('fact-service', text(who.service)),
    known('fact-signer', text(who.signer)),
    known('fact-issuer', text(who.issuer)),
    known('fact-folder', what?.folder ? page('fact-folder-value', what.folder) : undefined),
  );
}

function files({ what }: Facts): Child {
  if (what === undefined || what.files.length === 0) return undefined;
  return h(
    'div',
    { class: 'listed' },
    h('h4', {}, page('facts-files')),
    h(
      'ol',
      {},
      what.files.map((file) =>
        h(
          'li',
          { class: `given-${file.given}` },
          h(
            'div',
            { class: 'file-head' },
            h('span', { class: 'name' }, foreign(file.name)),
            h('span', { class: 'size' }, page('bytes', { size: file.size.toLocaleString('en') })),
            h('span', { class: 'tag' }, page(`given-${file.given}`)),
          ),
          h('div', { class: 'digest' }, h('span', {}, 'SHA-256'), code(file.sha256)),
          file.sm3 === null ? undefined : h('div', { class: 'digest' }, h('span', {}, 'SM3'), code(file.sm3)),
          file.digests === 'declared' ? h('p', { class: 'hint' }, page('declared')) : undefined,
        ),
      ),
    ),
  );
}

const anchors = ({ anchors: list }: Facts): Child =>
  list.length === 0
    ? undefined
    : h(
        'div',
        {},
        h('h4', {}, page('facts-anchors')),
        list.map((anchor) =>
          pairs(
            known('anchor-chain', [
              anchor.chain === undefined
                ? page('blocks-chain', { chainId: anchor.chainId })
                : page('trust-log', { chain: anchor.chain, chainId: anchor.chainId, runBy: anchor.runBy! }),
              anchor.test ? h('strong', { class: 'tag' }, page('trust-test')) : undefined,
            ]),
            known('anchor-block', [String(anchor.blockNumber), h('br'), code(anchor.blockHash)]),
            known('anchor-time', times(anchor.blockTime)),
            known('anchor-transaction', code(anchor.transactionHash)),
            known('anchor-contract', code(anchor.contract)),
            known('anchor-operator', code(anchor.operator)),
            [page('anchor-root', { size: anchor.size }), code(anchor.root)],
          ),
        ),
      );

/** Names that this page knows get words; the list is open, and others stand for themselves. */
const stated = ({ stated: list }: Facts): Child =>
  list.length === 0
    ? undefined
    : h(
        'div',
        { class: 'only-stated' },
        h('h4', {}, page('facts-stated')),
        pairs(
          ...list.map(({ name, value }): readonly [Child, Child] => {
            const isKnown = Object.hasOwn(pageZh, `stated-${name}`);
            return [isKnown ? page(`stated-${name}`) : foreign(name), foreign(value)];
          }),
        ),
      );
