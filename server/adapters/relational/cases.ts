import { type Kysely, sql } from 'kysely';
import type {
  CaseClaim,
  CaseFilter,
  CasePaper,
  CaseParty,
  CaseStep,
  Claimed,
  Deed,
  StoredCase,
} from '../../ports/cases.ts';
import { claimedCase, takeClaim } from './case-claims.ts';
import type { CaseColumns, DeedColumns, SharedSchema } from './shared-schema.ts';
import { append, row, rows, type Work } from './work.ts';

type Query = Kysely<SharedSchema>;

export const caseReads = (query: Query) => ({
  *caseById(id: string): Work<StoredCase | undefined> {
    const found = yield* row(query.selectFrom('cases').selectAll().where('id', '=', id));
    return found && caseOf(found);
  },
  *casesOf(
    organization: string,
    filter: CaseFilter,
    { after, limit, nowMs }: { after?: string | undefined; limit: number; nowMs: number },
  ) {
    // PostgreSQL knows no empty list.
    if (filter.procedures?.length === 0) return { items: [], next: undefined };
    let found = query
      .selectFrom('cases')
      .selectAll()
      .where('id', 'in', (inner) => {
        let parts = inner
          .selectFrom('case_parties')
          .select('case_id')
          .where('organization', '=', organization)
          .where((is) => is.or([is('until_ms', 'is', null), is('until_ms', '>', nowMs)]));
        if (filter.part !== undefined) parts = parts.where('part', '=', filter.part);
        return parts;
      });
    if (filter.procedure !== undefined) found = found.where('procedure', '=', filter.procedure);
    if (filter.procedures !== undefined) found = found.where('procedure', 'in', filter.procedures);
    if (filter.state !== undefined) found = found.where('state', '=', filter.state);
    // Ids grow with time: newest first, and what changes meanwhile moves nothing.
    if (after !== undefined) found = found.where('id', '<', after);
    const items = (yield* rows(found.orderBy('id', 'desc').limit(limit + 1))).map(caseOf);
    const page = items.slice(0, limit);
    return { items: page, next: items.length > limit ? page.at(-1)!.id : undefined };
  },
  *partiesOf(id: string): Work<CaseParty[]> {
    const found = yield* rows(
      query
        .selectFrom('case_parties')
        .select(['organization', 'part', 'until_ms'])
        .where('case_id', '=', id)
        .orderBy('organization')
        .orderBy('part'),
    );
    return found.map(({ organization, part, until_ms }) => ({
      organization,
      part,
      untilMs: until_ms ?? undefined,
    }));
  },
  *caseEvents(id: string, from: number, limit: number) {
    const found = yield* rows(
      eventsOf(query)
        .where('case_events.case_id', '=', id)
        .where('case_events.place', '>=', from)
        .orderBy('case_events.place')
        .limit(limit),
    );
    return found.map(eventOf);
  },
  *caseBytes(id: string): Work<number> {
    const found = yield* row(
      query
        .selectFrom('case_events')
        .select(sql<number>`coalesce(sum(length(content)), 0)`.as('bytes'))
        .where('case_id', '=', id),
    );
    return Number(found!.bytes);
  },
  *caseEventsAfter(sequence: number, limit: number) {
    const found = yield* rows(
      eventsOf(query)
        .where('case_events.sequence', '>', sequence)
        .orderBy('case_events.sequence')
        .limit(limit),
    );
    return found.map(eventOf);
  },
  *dueCases(nowMs: number, limit: number): Work<StoredCase[]> {
    const found = yield* rows(
      query
        .selectFrom('cases')
        .selectAll()
        .where('due_ms', '<=', nowMs)
        .orderBy('due_ms')
        .orderBy('id')
        .limit(limit),
    );
    return found.map(caseOf);
  },
  claimedCase: (claim: CaseClaim) => claimedCase(query, claim),
  *deedByNumber(number: string): Work<Deed | undefined> {
    const found = yield* row(query.selectFrom('deeds').selectAll().where('number', '=', number));
    return found && deedOf(found);
  },
  *officeSettings(organization: string): Work<Readonly<Record<string, string>>> {
    const found = yield* rows(
      query.selectFrom('office_settings').select(['name', 'value']).where('organization', '=', organization),
    );
    return Object.fromEntries(found.map(({ name, value }) => [name, value]));
  },
  *paper(id: string, name: string): Work<CasePaper | undefined> {
    return yield* paperOf(query, id, name);
  },
  *papersOf(id: string): Work<Omit<CasePaper, 'bytes'>[]> {
    const found = yield* rows(
      query.selectFrom('case_papers').select(['name', 'about']).where('case_id', '=', id).orderBy('name'),
    );
    return found.map((one) => ({ case: id, ...one }));
  },
});

export const caseWrites = (query: Query) => ({
  *stepCase(step: CaseStep): Work<'kept' | 'overtaken' | 'exists' | Claimed> {
    const { id } = step.case;
    const claimed = step.claim && (yield* takeClaim(query, step.claim, id));
    if (claimed !== undefined) return claimed;
    const leaf = Buffer.from(step.entry.leaf).toString('hex');
    const isKept = step.expected === 0 ? yield* insert(query, step, leaf) : yield* update(query, step, leaf);
    if (!isKept) return step.expected === 0 ? 'exists' : 'overtaken';
    // After the row of the case: of two that change it at once, one waits there and then finds that it was overtaken.
    const sequence = yield* append(step.entry);
    yield* rows(
      query.insertInto('case_events').values({
        case_id: id,
        place: step.expected,
        sequence,
        leaf,
        content: step.content ?? null,
      }),
    );
    yield* rows(query.deleteFrom('case_parties').where('case_id', '=', id));
    for (const { organization, part, untilMs } of step.parties)
      yield* rows(
        query
          .insertInto('case_parties')
          .values({ case_id: id, organization, part, until_ms: untilMs ?? null }),
      );
    if (step.deed !== undefined) yield* keepDeed(query, step.deed);
    return 'kept';
  },
  *setOfficeSetting(organization: string, name: string, value: string): Work<void> {
    yield* rows(
      query
        .insertInto('office_settings')
        .values({ organization, name, value })
        .onConflict((conflict) => conflict.columns(['organization', 'name']).doUpdateSet({ value })),
    );
  },
  *keepPaper(paper: CasePaper): Work<CasePaper> {
    yield* rows(
      query
        .insertInto('case_papers')
        .values(paperColumns(paper))
        .onConflict((conflict) => conflict.doNothing()),
    );
    return (yield* paperOf(query, paper.case, paper.name))!;
  },
  *replacePaper(paper: CasePaper): Work<void> {
    const { about, bytes } = paper;
    yield* rows(
      query
        .insertInto('case_papers')
        .values(paperColumns(paper))
        .onConflict((conflict) => conflict.columns(['case_id', 'name']).doUpdateSet({ about, bytes })),
    );
  },
  *takeSerial(series: string, holder: string): Work<number> {
    const known = query
      .selectFrom('case_serials')
      .select('serial')
      .where('series', '=', series)
      .where('holder', '=', holder);
    for (;;) {
      const found = yield* row(known);
      if (found !== undefined) return found.serial;
      const last = yield* row(
        query
          .selectFrom('case_serials')
          .select((of) => of.fn.max('serial').as('serial'))
          .where('series', '=', series),
      );
      // Another instance may take the same one first; then there is nothing to insert, and the next one is tried.
      yield* rows(
        query
          .insertInto('case_serials')
          .values({ series, holder, serial: (last?.serial ?? 0) + 1 })
          .onConflict((conflict) => conflict.doNothing()),
      );
    }
  },
});

function* insert(query: Query, { case: of }: CaseStep, leaf: string): Work<boolean> {
  const made = yield* row(
    query
      .insertInto('cases')
      .values({ id: of.id, ...columnsOf(of), events: 1, last: leaf })
      .onConflict((conflict) => conflict.doNothing())
      .returning('id'),
  );
  return made !== undefined;
}

function* update(query: Query, { case: of, expected, after }: CaseStep, leaf: string): Work<boolean> {
  const changed = yield* row(
    query
      .updateTable('cases')
      .set({ ...columnsOf(of), events: expected + 1, last: leaf })
      .where('id', '=', of.id)
      .where('events', '=', expected)
      .where('last', '=', after!)
      .returning('id'),
  );
  return changed !== undefined;
}

function* keepDeed(query: Query, deed: Deed): Work<void> {
  const columns = {
    office: deed.office,
    case_id: deed.case,
    code_hash: deed.codeHash,
    state: deed.state,
    issued_ms: deed.issuedMs,
    evidence: deed.evidence ?? null,
    sha256: deed.sha256,
    history: deed.history,
  };
  const kept = yield* row(
    query
      .insertInto('deeds')
      .values({ number: deed.number, ...columns })
      .onConflict((conflict) =>
        conflict
          .column('number')
          .doUpdateSet(columns)
          .where('deeds.case_id', '=', deed.case)
          .where('deeds.office', '=', deed.office),
      )
      .returning('number'),
  );
  // A number that another case has: nothing of this step is kept.
  if (kept === undefined) throw new Error(`deed ${deed.number} belongs to another case`);
}

const columnsOf = (of: CaseStep['case']): Omit<CaseColumns, 'id' | 'events' | 'last'> => ({
  procedure: of.procedure,
  state: of.state,
  organization: of.organization,
  data: of.data,
  clocks: of.clocks,
  opened_ms: of.openedMs,
  updated_ms: of.updatedMs,
  due_ms: of.dueMs ?? null,
});

const caseOf = (of: CaseColumns): StoredCase => ({
  id: of.id,
  procedure: of.procedure,
  state: of.state,
  organization: of.organization,
  data: of.data,
  clocks: of.clocks,
  openedMs: of.opened_ms,
  updatedMs: of.updated_ms,
  dueMs: of.due_ms ?? undefined,
  events: of.events,
  last: of.last,
});

const deedOf = (of: DeedColumns): Deed => ({
  number: of.number,
  office: of.office,
  case: of.case_id,
  codeHash: of.code_hash,
  state: of.state,
  issuedMs: of.issued_ms,
  evidence: of.evidence ?? undefined,
  sha256: of.sha256,
  history: of.history,
});

const paperColumns = ({ case: id, name, about, bytes }: CasePaper) => ({ case_id: id, name, about, bytes });

function* paperOf(query: Query, id: string, name: string): Work<CasePaper | undefined> {
  const found = yield* row(
    query
      .selectFrom('case_papers')
      .select(['name', 'about', 'bytes'])
      .where('case_id', '=', id)
      .where('name', '=', name),
  );
  return found && { case: id, ...found };
}

const eventsOf = (query: Query) =>
  query
    .selectFrom('case_events')
    .innerJoin('entries', 'entries.sequence', 'case_events.sequence')
    .select([
      'case_events.case_id as caseId',
      'case_events.place',
      'case_events.sequence',
      'case_events.leaf',
      'case_events.content',
      'entries.entry',
    ]);

const eventOf = ({
  caseId,
  place,
  content,
  ...rest
}: {
  caseId: string;
  place: number;
  sequence: number;
  leaf: string;
  content: string | null;
  entry: string;
}) => ({ case: caseId, index: place, ...rest, content: content ?? undefined });
