import { familyOf, type Procedure, STAYS } from './table.ts';
import { label } from './words.ts';

/** Mermaid's names have no hyphens. */
const idOf = (state: string): string => state.replaceAll('-', '_');

/**
 * The table as a Mermaid state diagram. Actions that stay in their state are left to the table of transitions: as loops
 * they would hide the way of a case.
 */
export function stateDiagram(procedure: Procedure): string {
  const family = familyOf(procedure);
  const names = procedure.states.map(
    (state) => `  state "${label('zh', family, 'case-state', state)} ${state}" as ${idOf(state)}`,
  );
  const arrows = procedure.transitions
    .filter(({ to }) => to !== STAYS)
    .flatMap(({ from, action, to }) => {
      const text = label('zh', family, 'case-action', action);
      return (from ?? ['[*]']).map(
        (state) => `  ${state === '[*]' ? state : idOf(state)} --> ${idOf(to)}: ${text}`,
      );
    });
  const ends = procedure.final.map((state) => `  ${idOf(state)} --> [*]`);
  return ['stateDiagram-v2', ...names, ...arrows, ...ends].join('\n');
}
