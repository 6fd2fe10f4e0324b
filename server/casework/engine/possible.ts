import type { JsonObject } from '../../core/read/json.ts';
import type { Actor, CaseRecord, Detail, NewCase } from './case.ts';
import { type Context, type Names, type Procedure, STAYS, startsIn, type Transition } from './table.ts';

/** An action of the table that starts in the state of the case; or why it may not be done by this actor, now. */
export type Possible = { readonly action: string; readonly to: string } & (
  | { readonly allowed: true }
  | { readonly allowed: false; readonly code: 'not-yours'; readonly detail: Detail }
  | { readonly allowed: false; readonly code: 'guard'; readonly guard: string; readonly detail: Detail }
);

/** Guards of the input cannot speak before there is one: an action that is allowed here may still be refused for it. */
export function possible<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  record: CaseRecord | NewCase,
  actor: Actor,
  facts: Facts,
  nowMs: number,
): readonly Possible[] {
  const data = record.state === null ? procedure.blank : (record.data as Data);
  const context: Context<Data, Facts> = {
    state: record.state,
    data,
    clocks: record.state === null ? [] : record.clocks,
    actor,
    who: procedure.whoIs(actor, data),
    facts,
    nowMs,
    input: undefined,
  };
  return procedure.transitions
    .filter((transition) => transition.internal !== true && startsIn(transition, record.state))
    .map((transition) => judged(procedure, transition, context));
}

function judged<Data extends JsonObject, Facts, N extends Names>(
  procedure: Procedure<Data, Facts, N>,
  transition: Transition<Data, Facts, N>,
  context: Context<Data, Facts>,
): Possible {
  const to = transition.to === STAYS ? context.state! : transition.to;
  const what = { action: transition.action, to };
  if (!transition.who.some((who) => context.who.includes(who)))
    return { ...what, allowed: false, code: 'not-yours', detail: { who: transition.who.join(', ') } };
  for (const guard of transition.guards) {
    const detail = procedure.guards[guard as N['guard']](context);
    if (detail !== undefined) return { ...what, allowed: false, code: 'guard', guard, detail };
  }
  return { ...what, allowed: true };
}
