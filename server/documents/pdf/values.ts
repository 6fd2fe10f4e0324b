import { type Both, paperWords } from '../../messages/paper.ts';
import { beijing, type Row, utc, type Value } from '../content.ts';
import type { Line } from './lines.ts';
import { heightOf, MUTED, type TextStyle, wrap } from './sheet.ts';
import { visible } from './visible.ts';

/* How each kind of value looks: as lines in a style, to be put anywhere. */

export interface Block {
  readonly lines: readonly Line[];
  readonly style: TextStyle;
  /** by the depositor: with a bar at its left */
  readonly stated?: boolean;
  /** behind the last line, on the same one */
  readonly after?: { readonly line: Line; readonly style: TextStyle };
}

/** Between the Chinese and the English on one line. */
export const GAP = 8;

const TEXT = { size: 9, leading: 1.4 } as const;
const ENGLISH = { size: 7.5, color: MUTED, leading: 1.4 } as const;
const MONO = { size: 7.6, style: 'mono', leading: 1.6 } as const;
const NAME = { size: 7.5, color: MUTED } as const;

/** A digest is read in groups of eight digits, which is how two people compare it aloud. */
const GROUP = 8;

export const grouped = (hex: string): string => hex.match(new RegExp(`.{1,${GROUP}}`, 'g'))?.join(' ') ?? '';

/** English stands behind the Chinese where there is room, else below it. */
export function bilingual({ zh, en }: Both, chinese: TextStyle, english: TextStyle, width: number): Block[] {
  const above: Block = { lines: wrap(zh, chinese, width), style: chinese };
  if (en === zh) return [above];
  const below: Block = { lines: wrap(en, english, width), style: english };
  const [last, line] = [above.lines.at(-1)!, below.lines[0]!];
  if (below.lines.length > 1 || last.width + GAP + line.width > width) return [above, below];
  return [{ ...above, after: { line, style: english } }];
}

export function blocksOf(value: Value, width: number): Block[] {
  const block = (text: string, style: TextStyle): Block => ({ lines: wrap(text, style, width), style });
  switch (value.kind) {
    case 'given':
      return [block(visible(value.text), TEXT)];
    case 'stated':
      return [{ ...block(visible(value.text), TEXT), stated: true }];
    case 'code':
      return [block(value.text, TEXT)];
    case 'words':
      return bilingual(value, TEXT, ENGLISH, width);
    case 'time':
      return [
        block(paperWords('beijing', { time: beijing(value.at) }).zh, TEXT),
        block(`${utc(value.at)} UTC`, ENGLISH),
      ];
    case 'command':
      return [block(value.text, { ...MONO, size: 8 })];
    case 'hex':
      return [
        ...(value.name === undefined ? [] : [block(value.name, NAME)]),
        block(`${value.prefix ? `${value.prefix} ` : ''}${grouped(value.hex)}`, MONO),
      ];
  }
}

export const blocksOfRow = (row: Row, width: number): Block[] =>
  row.values.flatMap((value) => blocksOf(value, width));

export const heightOfBlocks = (blocks: readonly Block[]): number =>
  blocks.reduce((sum, { lines, style }) => sum + heightOf(lines, style), 0);
