import { blocksToCompare, type WantedBlock } from '../../../core/verify/verify.ts';
import { fill, h } from '../../shared/dom.ts';
import { page, plain, spans } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import type { ServiceAsked } from '../online.ts';
import type { State } from '../state.ts';
import { step, wrong } from './step.ts';

const HASH = /^0x[0-9a-f]{64}$/;

/** What was typed for a block; it is there again when another certificate or trust list asks for the same block. */
interface Typed {
  hash: string;
  source: string;
}

/** Step 4: what a source of the reader's own says of each block that the certificate stands on. */
export function blocksStep(desk: Desk, service: ServiceAsked | undefined): HTMLElement {
  const body = h('div', {}, h('p', { class: 'hint' }, page('blocks-empty')));
  const typed = new Map<string, Typed>();
  const typedFor = ({ chainId, number }: WantedBlock): Typed => {
    const key = `${chainId} ${number}`;
    const known = typed.get(key) ?? { hash: '', source: '' };
    typed.set(key, known);
    return known;
  };
  let shownFor = '';
  desk.onChange((change) => {
    if (change !== 'certificate' && change !== 'trust') return;
    const certificates = certificatesOf(desk.state);
    const wanted = onceEach(certificates.flatMap(blocksToCompare));
    const key = JSON.stringify([
      certificates.length === 0,
      wanted.map((block) => [block, nameOf(desk, block)]),
    ]);
    if (key === shownFor) return;
    shownFor = key;
    for (const given of desk.state.blocks.keys())
      if (/^(?:person|service) /.test(given)) void desk.giveBlock(given, undefined);
    const none = page(certificates.length === 0 ? 'blocks-empty' : 'blocks-none');
    fill(
      body,
      h('p', { class: 'hint' }, wanted.length === 0 ? none : page('blocks-how')),
      wanted.map((block) => rowOf(desk, service, block, typedFor(block))),
    );
  });
  return step(4, 'blocks', 'blocks-title', body);
}

/** What is checked: one certificate, or those of a case. */
const certificatesOf = ({ certificate, case: ofCase }: State): readonly Uint8Array[] => [
  ...(certificate ? [certificate.bytes] : []),
  ...(ofCase?.contents.events ?? []).flatMap((one) => ('certificate' in one ? one.certificate : [])),
  ...(ofCase?.contents.evidence ?? []).map((one) => one.certificate),
];

/** Two anchors may stand in the same block. */
const onceEach = (wanted: readonly WantedBlock[]): readonly WantedBlock[] =>
  wanted.filter(
    (block, i) => wanted.findIndex((b) => b.chainId === block.chainId && b.number === block.number) === i,
  );

/** The chain by its name where the trust list knows it: the certificate's own word for it is not asked. */
const nameOf = (desk: Desk, { chainId, contract, operator }: WantedBlock): string | undefined => {
  const log = desk.state.trust?.trust.logs.find(
    (one) => one.chainId === chainId && one.contract === contract && one.operator === operator,
  );
  return log?.chain;
};

function rowOf(
  desk: Desk,
  service: ServiceAsked | undefined,
  wanted: WantedBlock,
  typed: Typed,
): HTMLElement {
  const { chainId, number } = wanted;
  const chain = nameOf(desk, wanted);
  const id = `block-${chainId}-${number}`;
  const told = h('p', { class: 'told', id: `${id}-told`, role: 'status' });
  // Two lines: the whole hash is seen at once, and may be pasted broken into lines.
  const hash = h('textarea', {
    id,
    class: 'hash',
    rows: '2',
    spellcheck: 'false',
    autocomplete: 'off',
    autocapitalize: 'off',
    'aria-describedby': told.id,
    placeholder: '0x…',
  });
  const source = h('input', { type: 'text', id: `${id}-source`, autocomplete: 'off', maxlength: '200' });
  hash.value = typed.hash;
  source.value = typed.source;
  const give = (): void => {
    typed.hash = hash.value;
    typed.source = source.value;
    giveTyped(desk, wanted, typed, hash, told);
  };
  hash.addEventListener('input', give);
  source.addEventListener('input', give);
  if (typed.hash !== '') give();
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
    hash,
    told,
    h('label', { for: source.id }, page('blocks-source-label')),
    source,
    service && fromService(desk, service, wanted),
  );
}

/** Only a whole hash is given to the desk; what is none is told, and compared with nothing. */
function giveTyped(
  desk: Desk,
  { chainId, number, hash: expected }: WantedBlock,
  typed: Typed,
  field: HTMLElement,
  told: HTMLElement,
): void {
  const hash = typed.hash.replaceAll(/\s/g, '').toLowerCase();
  const isHash = HASH.test(hash);
  const is = hash === expected ? 'same' : 'different';
  field.setAttribute('aria-invalid', String(hash !== '' && !isHash));
  told.className = isHash ? `told ${is}` : 'told';
  if (isHash) fill(told, page(`blocks-${is}`));
  else fill(told, hash === '' ? undefined : wrong(page('blocks-wrong', { length: hash.length })));
  const block = { source: typed.source.trim() || plain('source-typed'), chainId, number, hash };
  void desk.giveBlock(`person ${chainId} ${number}`, isHash ? { from: 'person', block } : undefined);
}

function fromService(desk: Desk, service: ServiceAsked, wanted: WantedBlock): HTMLElement {
  const told = h('div', { role: 'status' });
  const ask = async (): Promise<void> => {
    const answer = await service.block(wanted.chainId, wanted.number);
    // Another certificate or trust list may ask for other blocks by now.
    if (!told.isConnected) return;
    if ('wrong' in answer) {
      fill(told, wrong(spans(answer.wrong)));
      return;
    }
    const source = plain('source-service', { host: service.host });
    const { hash } = answer.block;
    const is = hash === undefined ? 'not-final' : hash === wanted.hash ? 'same' : 'different';
    fill(told, h('p', { class: `told ${is}` }, page(`blocks-${is}`)));
    await desk.giveBlock(`service ${wanted.chainId} ${wanted.number}`, {
      from: 'service',
      block: { ...answer.block, source },
    });
  };
  return h(
    'div',
    { class: 'from-service' },
    h('button', { type: 'button', class: 'ask-block', onclick: () => void ask() }, page('blocks-service')),
    h('p', { class: 'hint' }, page('blocks-service-note')),
    told,
  );
}
