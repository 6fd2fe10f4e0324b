import type { CaseStep } from '../../server/ports/cases.ts';
import type { CaseTables } from './cases.ts';
import type { Medium } from './faults.ts';
import type { Instance, Ports } from './instance.ts';
import type { Bug } from './simulation.ts';
import type { Database } from './store.ts';

/* Mistakes in how cases are kept, put in on purpose. */

const stepping = (ports: Ports, stepCase: Ports['store']['stepCase']): Ports => ({
  ...ports,
  store: { ...ports.store, stepCase },
});

/** The case and its event in one transaction; the entry that they name in the next, if the process lives so long. */
function stepWithoutEntry(database: Database): void {
  const { stepCase } = database.verbs;
  Object.assign(database.verbs, {
    stepCase(step: CaseStep) {
      const outcome = stepCase(step);
      if (outcome === 'kept') database.tables.entries.pop();
      return outcome;
    },
  });
}
const appendAfterwards = (ports: Ports, database: Database): Ports =>
  stepping(ports, async (step) => {
    const outcome = await ports.store.stepCase(step);
    if (outcome !== 'kept') return outcome;
    // The second transaction.
    await ports.store.pending();
    const { sequence } = database.append(step.entry, undefined);
    const { events } = database.tables.casework;
    const at = events.findIndex((one) => one.case === step.case.id && one.index === step.expected);
    events[at] = { ...events[at]!, sequence };
    return outcome;
  });

/** Whoever writes last is right, whatever he had read. */
function stepWithoutComparing(database: Database): void {
  const { stepCase } = database.verbs;
  Object.assign(database.verbs, {
    stepCase(step: CaseStep) {
      const stored = database.tables.casework.cases.get(step.case.id);
      if (stored === undefined || step.expected === 0) return stepCase(step);
      return stepCase({ ...step, expected: stored.events, after: stored.last });
    },
  });
}

/** The entry is appended first, and what was overtaken does not take it back. */
function leaveEntryBehind(database: Database): void {
  const { stepCase } = database.verbs;
  Object.assign(database.verbs, {
    stepCase(step: CaseStep) {
      const outcome = stepCase(step);
      const isThere = database.tables.entries.some(({ id }) => id === step.entry.id);
      if (!isThere) database.append(step.entry, undefined);
      return outcome;
    },
  });
}

/** He is told at once; whether it is kept shows later. */
const answerBeforeCommit = (ports: Ports): Ports =>
  stepping(ports, async (step) => {
    void ports.store.stepCase(step).catch(() => {});
    return 'kept';
  });

/** The last event was not durable yet when power failed, although whoever acted had his answer. */
function loseLastStep(database: Database): void {
  const { stepCase } = database.verbs;
  let before: { readonly casework: CaseTables; readonly id: string } | undefined;
  Object.assign(database.verbs, {
    stepCase(step: CaseStep) {
      const casework = structuredClone(database.tables.casework);
      const outcome = stepCase(step);
      if (outcome === 'kept') before = { casework, id: step.entry.id };
      return outcome;
    },
  });
  database.powerFails = () => {
    if (before === undefined) return;
    const entries = database.tables.entries.filter(({ id }) => id !== before!.id);
    database.tables = { ...database.tables, casework: before.casework, entries };
    before = undefined;
  };
}

/** A timer beside the pipeline's own, which nobody asked whether he leads. */
function lookWithoutLeading({ cases, life }: Instance, { schedule }: Medium): void {
  const look = (): void => {
    void cases?.tick(1).catch(() => {});
    schedule.after(1_000, `${life.name} looks at clocks`, life, look);
  };
  look();
}

/** A join that misses by one: each event comes with what the next one says. */
const readContentOfNext = (ports: Ports): Ports => ({
  ...ports,
  store: {
    ...ports.store,
    async caseEvents(id, from, limit) {
      const events = await ports.store.caseEvents(id, from, limit);
      return events.map((event, i) => ({ ...event, content: events[i + 1]?.content }));
    },
  },
});

/** No step of the service compares it with the digest, fsck does. */
function changeContents({ tables: { casework } }: Database): void {
  for (const [at, event] of casework.events.entries())
    casework.events[at] = { ...event, content: event.content?.replace('"salt":"', '"salt":"0') };
}

export const CASE_BUGS: readonly Bug[] = [
  {
    name: 'the entry of an event is appended in a transaction of its own',
    database: stepWithoutEntry,
    ports: (ports, { database }) => appendAfterwards(ports, database),
  },
  { name: 'a step does not compare what the case has come to', database: stepWithoutComparing },
  { name: 'a step that was overtaken leaves its entry behind', database: leaveEntryBehind },
  { name: 'a head is given before its event is kept', ports: answerBeforeCommit },
  { name: 'an event is lost when power fails', database: loseLastStep },
  { name: 'clocks of cases are looked at by whoever runs', begun: lookWithoutLeading },
  { name: 'an event is read with what another one says', ports: readContentOfNext },
  { name: 'what an event says changes in the database', atRest: changeContents },
];
