import { type Child, h } from '../../shared/dom.ts';

/** A place to drop files on, which is at once a field to choose them: keyboard and screen readers use the field. */
export interface Zone {
  readonly element: HTMLElement;
  readonly input: HTMLInputElement;
}

interface Options {
  readonly id: string;
  readonly words: readonly Child[];
  readonly hint: readonly Child[];
  readonly accept?: string;
  readonly multiple?: boolean;
  readonly onFiles: (files: readonly File[]) => void;
}

export function zone({ id, words, hint, accept, multiple = false, onFiles }: Options): Zone {
  const input = h('input', {
    type: 'file',
    id,
    accept,
    multiple,
    'aria-describedby': `${id}-hint`,
    onchange: () => {
      onFiles([...(input.files ?? [])]);
      // So that choosing the same file again is a change again.
      input.value = '';
    },
  });
  const element = h(
    'div',
    { class: 'zone' },
    h('label', { for: id }, h('span', { class: 'zone-words' }, words)),
    input,
    h('p', { class: 'hint', id: `${id}-hint` }, hint),
  );
  const over = (is: boolean) => (event: Event) => {
    event.preventDefault();
    element.classList.toggle('over', is);
  };
  element.addEventListener('dragover', over(true));
  element.addEventListener('dragleave', over(false));
  element.addEventListener('drop', (event) => {
    over(false)(event);
    event.stopPropagation();
    onFiles([...((event as DragEvent).dataTransfer?.files ?? [])]);
  });
  return { element, input };
}
