import type { Context, Guard } from '../../engine/table.ts';
import type { NotarizationData } from '../data.ts';
import type { NotarizationFacts } from '../facts.ts';

export type Guards = Readonly<Record<string, Guard<NotarizationData, NotarizationFacts>>>;
export type Seen = Context<NotarizationData, NotarizationFacts>;

/** A refusal whose sentence needs no value. */
export const REFUSED = {} as const;

export const refuseIf = (refused: boolean) => (refused ? REFUSED : undefined);
