import { type Element, parseDer } from '../../../server/core/read/der.ts';
import { encode } from '../../../server/core/read/encode-der.ts';

/*
 * DER with parts of it replaced, the lengths around them corrected.
 */

/** An element again, with each child changed by its way: `change` gets the way to it, as indexes from the top. */
function rebuild(
  element: Element,
  change: (way: string, element: Element) => readonly Uint8Array[] | undefined,
  way = '',
): readonly Uint8Array[] {
  const changed = change(way, element);
  if (changed !== undefined) return changed;
  if (element.children.length === 0) return [element.raw];
  const children = element.children.flatMap((child, i) => rebuild(child, change, `${way}/${i}`));
  return [encode(element.tag, ...children)];
}

/** A token with the elements at these ways replaced. */
export function replaced(
  bytes: Uint8Array,
  changes: Readonly<Record<string, readonly Uint8Array[]>>,
): Uint8Array {
  const met = new Set<string>();
  const [whole] = rebuild(parseDer(bytes), (way) => {
    if (!(way in changes)) return undefined;
    met.add(way);
    return changes[way];
  });
  if (met.size !== Object.keys(changes).length) throw new Error('a way leads nowhere');
  return whole!;
}

/** The element at the end of a way of indexes. */
export const elementAt = (bytes: Uint8Array, way: string): Element =>
  way
    .split('/')
    .slice(1)
    .reduce((element, i) => element.children[Number(i)]!, parseDer(bytes));
