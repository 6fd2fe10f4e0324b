import type { Trust } from '../../../core/verify/trust.ts';
import { type Child, fill, h } from '../../shared/dom.ts';
import { code, foreign, page, pageWith, spans } from '../../shared/words.ts';
import type { Desk } from '../desk.ts';
import type { ServiceAsked } from '../online.ts';
import type { GivenTrust } from '../state.ts';
import { pairs, step, wrong } from './step.ts';
import { zone } from './zone.ts';

/** Step 3: whom the one who checks believes; what the list says is shown, so that it is taken knowingly. */
export function trustStep(desk: Desk, service: ServiceAsked | undefined): HTMLElement {
  const given = h('div', { class: 'given' });
  const drop = zone({
    id: 'trust-file',
    words: page('trust-drop'),
    hint: page('trust-hint'),
    accept: '.json,application/json',
    onFiles: ([file]) => {
      if (file) void desk.giveTrust(file, file.name, 'person');
    },
  });
  const remove = (): void => {
    void desk.takeTrust();
    drop.input.focus();
  };
  desk.onChange((change) => {
    if (change !== 'trust') return;
    const { trust, trustWrong } = desk.state;
    fill(
      given,
      trustWrong && wrong(spans(pageWith('trust-wrong', trustWrong))),
      trust && shown(trust, remove),
    );
    drop.element.classList.toggle('small', trust !== undefined);
    fill(
      drop.element.querySelector('.zone-words')!,
      page(trust === undefined ? 'trust-drop' : 'trust-other'),
    );
  });
  return step(3, 'trust', 'trust-title', given, drop.element, service && fromService(desk, service));
}

function fromService(desk: Desk, service: ServiceAsked): HTMLElement {
  const trouble = h('div', {});
  const take = async (): Promise<void> => {
    const answer = service.trust();
    await desk.giveTrust(
      answer.then((told) => ('wrong' in told ? undefined : told.list)),
      service.host,
      'service',
    );
    const told = await answer;
    if ('wrong' in told) fill(trouble, wrong(spans(told.wrong)));
  };
  desk.onChange((change) => {
    if (change === 'trust') fill(trouble);
  });
  return h(
    'div',
    { class: 'from-service' },
    h('button', { type: 'button', id: 'trust-service', onclick: () => void take() }, page('trust-service')),
    h('p', { class: 'hint' }, page('trust-service-note')),
    trouble,
  );
}

export const sourceOf = ({ from, name }: GivenTrust): readonly Child[] =>
  from === 'service' ? page('source-service', { host: name }) : [foreign(name)];

const shown = (given: GivenTrust, onRemove: () => void): readonly Child[] => [
  h('button', { type: 'button', class: 'remove', onclick: onRemove }, page('remove')),
  pairs(
    [page('trust-name'), foreign(given.trust.name)],
    [page('trust-from'), sourceOf(given)],
    [page('trust-issuers'), items(given.trust.issuers.map(({ name }) => [foreign(name)]))],
    [page('trust-logs'), items(given.trust.logs.map(logLine))],
    [page('trust-authorities'), items(given.trust.authorities.map(({ label }) => [foreign(label)]))],
    [page('trust-digest'), code(given.sha256)],
  ),
];

const logLine = ({ chain, chainId, runBy, test }: Trust['logs'][number]): readonly Child[] => [
  ...page('trust-log', { chain, chainId, runBy }),
  test ? h('strong', { class: 'tag' }, page('trust-test')) : undefined,
];

const items = (list: readonly (readonly Child[])[]): Child =>
  list.length === 0
    ? h('span', {}, page('trust-none'))
    : h(
        'ul',
        {},
        list.map((item) => h('li', {}, item)),
      );
