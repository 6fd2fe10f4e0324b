/*
 * Elements without a framework. Text goes in as text only: what a certificate says can never become markup.
 */

export type Child = Node | string | undefined | readonly Child[];

type Attribute = string | boolean | undefined | ((event: Event) => void);

/** `on…` adds a listener, true an empty attribute; undefined and false leave it out. */
export function h<Tag extends keyof HTMLElementTagNameMap>(
  tag: Tag,
  attributes: Readonly<Record<string, Attribute>> = {},
  ...children: readonly Child[]
): HTMLElementTagNameMap[Tag] {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else if (value === true) element.setAttribute(name, '');
    else if (typeof value === 'string') element.setAttribute(name, value);
  }
  element.append(...flat(children));
  return element;
}

const flat = (children: readonly Child[]): (Node | string)[] =>
  children.flatMap((child) => {
    if (child === undefined) return [];
    return Array.isArray(child) ? flat(child as readonly Child[]) : [child as Node | string];
  });

export const fill = (element: Element, ...children: readonly Child[]): void =>
  element.replaceChildren(...flat(children));
