import type { Actor, CaseRecord } from '../casework/engine/case.ts';
import type { ClockState } from '../casework/engine/clocks.ts';
import type { Possible } from '../casework/engine/possible.ts';
import { presentPossible } from '../casework/engine/refusal.ts';
import { familyOf, type Procedure, STAYS } from '../casework/engine/table.ts';
import { bothLabels, type Worded } from '../casework/engine/words.ts';
import { type Room, recordOf } from '../casework/room.ts';
import type { EventEntry } from '../core/entry/event.ts';
import type { CaseEvent, CaseParty, StoredCase } from '../ports/cases.ts';

/* A case, its events and its procedure as people and programs read them. */

const iso = (ms: number): string => new Date(ms).toISOString();

export interface CaseView {
  readonly id: string;
  readonly procedure: string;
  readonly state: string;
  readonly [member: string]: unknown;
}

/** Of one in a list what is possible and who takes part is not looked up. */
export function caseView(
  room: Room,
  stored: StoredCase,
  actors: readonly Actor[],
  possible: readonly Possible[] | undefined,
  parties: readonly CaseParty[] | undefined,
): CaseView {
  const record = recordOf(stored);
  const family = familyOf(room.procedure);
  return {
    id: record.id,
    procedure: record.procedure,
    state: record.state,
    stateText: bothLabels(family, 'case-state', record.state),
    isFinal: room.procedure.final.includes(record.state),
    openedAt: iso(record.openedMs),
    updatedAt: iso(record.updatedMs),
    events: stored.events,
    last: stored.last,
    clocks: record.clocks.map((clock) => clockView(family, clock)),
    ...(parties && {
      parties: parties.map(({ organization, part, untilMs }) => ({
        organization,
        part,
        partText: wordOf(family, 'case-who', part),
        until: untilMs === undefined ? null : iso(untilMs),
      })),
    }),
    ...(possible && {
      data: room.shown(record, actors),
      possible: presentPossible(room.procedure, possible),
    }),
  };
}

/** A word that has no label is shown as it is. */
function wordOf(family: string, subject: Worded, word: string) {
  const both = bothLabels(family, subject, word);
  return both.zh === `${family}.${word}` ? { zh: word, en: word } : both;
}

const clockView = (family: string, clock: ClockState) => ({
  name: clock.name,
  label: bothLabels(family, 'case-clock', clock.name),
  state: clock.state,
  ...(clock.state === 'running' && { deadline: iso(clock.deadlineMs) }),
  passed: clock.passed,
  withoutHolidays: clock.withoutHolidays,
});

/** Who, what and when everybody with a part sees; what it says, as far as the room shows it. */
export const eventViews = (
  room: Room,
  record: CaseRecord,
  actors: readonly Actor[],
  events: readonly CaseEvent[],
) =>
  events.map(({ index, leaf, entry, content }) => {
    const event = JSON.parse(entry) as EventEntry;
    const family = familyOf(room.procedure);
    return {
      index,
      id: event.id,
      leafHash: leaf,
      at: event.at,
      action: event.action,
      actionText: wordOf(family, 'case-action', event.action),
      from: event.from,
      to: event.to,
      actor: event.actor,
      content:
        content !== undefined && room.isOpen(record, event.action, actors)
          ? (JSON.parse(content) as unknown)
          : null,
    };
  });

/** The table itself: what a client needs to offer its actions. */
export function procedureView(procedure: Procedure) {
  const family = familyOf(procedure);
  return {
    name: procedure.name,
    initial: procedure.initial,
    final: procedure.final,
    states: procedure.states.map((state) => ({ state, label: bothLabels(family, 'case-state', state) })),
    transitions: procedure.transitions.map(({ action, from, to, who, guards, clocks, input }) => ({
      action,
      label: bothLabels(family, 'case-action', action),
      from,
      to: to === STAYS ? null : to,
      who: who.map((one) => ({ who: one, label: wordOf(family, 'case-who', one) })),
      guards,
      clocks: clocks ?? {},
      input,
    })),
  };
}
