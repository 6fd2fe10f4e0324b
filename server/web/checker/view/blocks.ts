import { blocksToCompare, type WantedBlock } from '../../../core/verify/verify.ts';
import { fill, h } from '../../shared/dom.ts';
import { page, plain, spans } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import type { ServiceAsked } from '../online.ts';
import { step, wrong } from './step.ts';

const HASH = /^0x[0-9a-f]{64}$/;

/** Step 4: what a source of the reader's own says of each block that the certificate stands on. */
export function blocksStep(desk: Desk, service: ServiceAsked | undefined): HTMLElement {
  const body = h('div', {}, h('p', { class: 'hint' }, page('blocks-empty')));
  let shownFor = '';
  desk.onChange((change) => {
    if (change !== 'certificate' && change !== 'trust') return;
    const { certificate } = desk.state;
    const wanted = certificate === undefined ? [] : onceEach(blocksToCompare(certificate.bytes));
    // What was typed stays where the same blocks are asked for.
    const key = JSON.stringify([certificate === undefined, wanted.map((block) => nameOf(desk, block))]);
    if (key === shownFor) return;
    shownFor = key;
    for (const given of desk.state.blocks.keys()) void desk.giveBlock(given, undefined);
    const none = page(certificate === undefined ? 'blocks-empty' : 'blocks-none');
    fill(
      body,
      wanted.length === 0
        ? h('p', { class: 'hint' }, none)
        : [
            h('p', { class: 'hint' }, page('blocks-how')),
            wanted.map((block, i) => rowOf(desk, service, block, i)),
          ],
    );
  });
  return step(4, 'blocks', 'blocks-title', body);
}

/** Two anchors may stand in the same block. */
const onceEach = (wanted: readonly WantedBlock[]): readonly WantedBlock[] =>
  wanted.filter(
    (block, i) => wanted.findIndex((b) => b.chainId === block.chainId && b.number === block.number) === i,
  );

/** The chain by its name where the trust list knows it: the certificate's own word for it is not asked. */
const nameOf = (desk: Desk, { chainId, number, contract, operator }: WantedBlock) => {
  const log = desk.state.trust?.trust.logs.find(
    (one) => one.chainId === chainId && one.contract === contract && one.operator === operator,
  );
  return { chainId, number, chain: log?.chain };
};

function rowOf(desk: Desk, service: ServiceAsked | undefined, wanted: WantedBlock, i: number): HTMLElement {
  const { chainId, number, hash: expected } = wanted;
  const { chain } = nameOf(desk, wanted);
  const id = `block-hash-${i}`;
  const told = h('p', { class: 'told', role: 'status' });
  const where = h('input', { type: 'text', id: `block-source-${i}`, autocomplete: 'off', maxlength: '200' });
  // Two lines: the whole hash is seen at once, and may be pasted broken into lines.
  const field = h('textarea', {
    id,
    class: 'hash',
    rows: '2',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    'aria-describedby': `${id}-told`,
    placeholder: '0x…',
  });
  told.id = `${id}-told`;
  const typed = (): void => {
    const hash = field.value.replaceAll(/\s/g, '').toLowerCase();
    const isHash = HASH.test(hash);
    field.setAttribute('aria-invalid', String(hash !== '' && !isHash));
    told.className = isHash ? (hash === expected ? 'told same' : 'told different') : 'told';
    const words = isHash ? page(hash === expected ? 'blocks-same' : 'blocks-different') : undefined;
    fill(told, hash === '' || isHash ? words : wrong(page('blocks-wrong', { length: hash.length })));
    const source = where.value.trim() || plain('source-typed');
    const block = { source, chainId, number, hash };
    void desk.giveBlock(`person ${id}`, isHash ? { from: 'person', block } : undefined);
  };
  field.addEventListener('input', typed);
  where.addEventListener('input', typed);
  return h(
    'fieldset',
    { class: 'block' },
    h(
      'legend',
      {},
      chain === undefined
        ? page('blocks-ask-unnamed', { chainId, number })
        : [
            page('blocks-ask', { chain, number }),
            h('span', { class: 'tag' }, page('blocks-chain', { chainId })),
          ],
    ),
    h('label', { for: id }, page('blocks-label')),
    field,
    told,
    h('label', { for: where.id }, page('blocks-source-label')),
    where,
    service && fromService(desk, service, wanted, id),
  );
}

function fromService(desk: Desk, service: ServiceAsked, wanted: WantedBlock, id: string): HTMLElement {
  const told = h('div', { role: 'status' });
  const ask = async (): Promise<void> => {
    const answer = await service.block(wanted.chainId, wanted.number);
    if ('wrong' in answer) {
      fill(told, wrong(spans(answer.wrong)));
      return;
    }
    const source = plain('source-service', { host: service.host });
    const { hash } = answer.block;
    const is = hash === undefined ? 'not-final' : hash === wanted.hash ? 'same' : 'different';
    fill(told, h('p', { class: `told ${is}` }, page(`blocks-${is}`)));
    await desk.giveBlock(`service ${id}`, { from: 'service', block: { ...answer.block, source } });
  };
  return h(
    'div',
    { class: 'from-service' },
    h('button', { type: 'button', class: 'ask-block', onclick: () => void ask() }, page('blocks-service')),
    h('p', { class: 'hint' }, page('blocks-service-note')),
    told,
  );
}
