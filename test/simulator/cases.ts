import { toHex } from '../../server/core/read/bytes.ts';
import type {
  CaseClaim,
  CaseEvent,
  CasePaper,
  CaseParty,
  CaseStep,
  CaseStore,
  Claimed,
  Deed,
  StoredCase,
} from '../../server/ports/cases.ts';
import type { IdentityStore, Organization } from '../../server/ports/identity.ts';
import type { Commit, Database, KeptEntry, Sync } from './store.ts';

/*
 * Cases in the simulated database, as relational/cases.ts keeps them: a step is its case, its event and the entry of the
 * log in one moment, or nothing of it. cases.test.ts holds it to what both real databases guarantee.
 */

export type CasePorts = CaseStore & Pick<IdentityStore, 'organization' | 'addOrganization'>;

export type KeptCaseEvent = Omit<CaseEvent, 'entry'>;

export interface CaseTables {
  readonly organizations: Map<string, Organization>;
  readonly cases: Map<string, StoredCase>;
  /** in the order in which they were kept */
  readonly events: KeptCaseEvent[];
  readonly parties: Map<string, readonly CaseParty[]>;
  readonly deeds: Map<string, Deed>;
  /** by series, then by holder */
  readonly serials: Map<string, Map<string, number>>;
  readonly settings: Map<string, Readonly<Record<string, string>>>;
  /** by organization and key */
  readonly claims: Map<
    string,
    { readonly fingerprint: string; readonly case: string; readonly atMs: number }
  >;
  /** by case and name */
  readonly papers: Map<string, CasePaper>;
}

export const emptyCaseTables = (): CaseTables => ({
  organizations: new Map(),
  cases: new Map(),
  events: [],
  parties: new Map(),
  deeds: new Map(),
  serials: new Map(),
  settings: new Map(),
  claims: new Map(),
  papers: new Map(),
});

export const CASE_READS = [
  ...(['caseById', 'casesOf', 'partiesOf', 'caseEvents', 'caseEventsAfter', 'dueCases'] as const),
  ...(['deedByNumber', 'officeSettings', 'organization', 'claimedCase', 'caseBytes'] as const),
  ...(['paper', 'papersOf'] as const),
] satisfies readonly (keyof CasePorts)[];

export const caseVerbs = (database: Database, tell: (commit: Commit) => void): Sync<CasePorts> => ({
  ...readVerbs(database),
  ...settingVerbs(database),
  ...paperVerbs(database),
  stepCase(step) {
    const { casework } = database.tables;
    const earlier = step.claim && claimed(casework, step.claim);
    if (earlier !== undefined) return earlier;
    const { cases } = database.tables.casework;
    const stored = cases.get(step.case.id);
    const isNext =
      step.expected === 0
        ? stored === undefined
        : stored?.events === step.expected && stored.last === step.after;
    if (!isNext) {
      tell({ what: 'not-stepped', step });
      return step.expected === 0 ? 'exists' : 'overtaken';
    }
    refuseStrangers(database, step);
    // The first that is written is the last that may throw: an id that is taken takes the step with it.
    const entry = database.append(step.entry, undefined);
    keep(database.tables.casework, step, entry);
    if (step.claim !== undefined) claim(casework, step.claim, step.case.id);
    tell({ what: 'step', step, entry });
    return 'kept';
  },
});

const DAY_MS = 86_400_000;
const nameOf = ({ organization, key }: CaseClaim): string => `${organization} ${key}`;

function claimed({ claims }: CaseTables, one: CaseClaim): Claimed | undefined {
  const known = claims.get(nameOf(one));
  if (known === undefined || Math.abs(one.nowMs - known.atMs) >= DAY_MS) return undefined;
  return known.fingerprint === one.fingerprint ? { replayed: known.case } : 'key-reused';
}

const claim = ({ claims }: CaseTables, one: CaseClaim, id: string): void =>
  void claims.set(nameOf(one), { fingerprint: one.fingerprint, case: id, atMs: one.nowMs });

type Papers = Pick<CasePorts, 'keepPaper' | 'replacePaper' | 'paper' | 'papersOf'>;

function paperVerbs(database: Database): Sync<Papers> {
  const papers = () => database.tables.casework.papers;
  const placeOf = (id: string, name: string): string => `${id} ${name}`;
  return {
    keepPaper(paper) {
      if (!database.tables.casework.cases.has(paper.case)) throw new Error(`no case ${paper.case}`);
      const place = placeOf(paper.case, paper.name);
      const kept = papers().get(place) ?? paper;
      papers().set(place, kept);
      return kept;
    },
    replacePaper: (paper) => void papers().set(placeOf(paper.case, paper.name), paper),
    paper: (id, name) => papers().get(placeOf(id, name)),
    papersOf: (id) =>
      [...papers().values()]
        .filter((one) => one.case === id)
        .map(({ bytes: _, ...one }) => one)
        .toSorted((a, b) => compare(a.name, b.name)),
  };
}

/** What a foreign key, or a number that is another's, ends a transaction with. */
function refuseStrangers({ tables }: Database, { entry, deed }: CaseStep): void {
  const { organizations, deeds } = tables.casework;
  if (!organizations.has(entry.organization)) throw new Error(`no organization ${entry.organization}`);
  const known = deed && deeds.get(deed.number);
  if (known && (known.case !== deed.case || known.office !== deed.office))
    throw new Error(`deed ${deed.number} belongs to another case`);
}

function keep(tables: CaseTables, step: CaseStep, { sequence }: KeptEntry): void {
  const { case: of, expected: index, content, parties, deed } = step;
  const leaf = toHex(step.entry.leaf);
  tables.cases.set(of.id, { ...of, events: index + 1, last: leaf });
  tables.events.push({ case: of.id, index, sequence, leaf, content });
  tables.parties.set(of.id, [...parties].toSorted(byPart));
  if (deed !== undefined) tables.deeds.set(deed.number, deed);
}

const compare = (a: string, b: string): number => (a < b ? -1 : a > b ? 1 : 0);
const byPart = (a: CaseParty, b: CaseParty): number =>
  compare(a.organization, b.organization) || compare(a.part, b.part);

type Reads = Omit<Pick<CasePorts, (typeof CASE_READS)[number]>, keyof Papers>;

function readVerbs(database: Database): Sync<Reads> {
  const tables = () => database.tables.casework;
  /** Joined with their entries: an event without one is not found. */
  const events = (isWanted: (event: KeptCaseEvent) => boolean): CaseEvent[] =>
    tables().events.flatMap((event) => {
      if (!isWanted(event)) return [];
      const entry = database.tables.entries.find(({ sequence }) => sequence === event.sequence);
      return entry === undefined ? [] : { ...event, entry: entry.entry };
    });
  return {
    caseById: (id) => tables().cases.get(id),
    claimedCase: (one) => claimed(tables(), one),
    caseBytes: (id) =>
      tables().events.reduce((sum, one) => sum + (one.case === id ? (one.content?.length ?? 0) : 0), 0),
    casesOf(organization, { procedure, procedures, state, part }, { after, limit, nowMs }) {
      const isParty = ({ id }: StoredCase): boolean =>
        (tables().parties.get(id) ?? []).some(
          (one) =>
            one.organization === organization &&
            (one.untilMs === undefined || one.untilMs > nowMs) &&
            (part === undefined || one.part === part),
        );
      const found = [...tables().cases.values()]
        .filter((one) => procedure === undefined || one.procedure === procedure)
        .filter((one) => procedures === undefined || procedures.includes(one.procedure))
        .filter((one) => state === undefined || one.state === state)
        .filter((one) => (after === undefined || one.id < after) && isParty(one))
        .toSorted((a, b) => compare(b.id, a.id));
      const items = found.slice(0, limit);
      return { items, next: found.length > limit ? items.at(-1)!.id : undefined };
    },
    partiesOf: (id) => tables().parties.get(id) ?? [],
    caseEvents: (id, from, limit) =>
      events((event) => event.case === id && event.index >= from)
        .toSorted((a, b) => a.index - b.index)
        .slice(0, limit),
    caseEventsAfter: (after, limit) =>
      events(({ sequence }) => sequence > after)
        .toSorted((a, b) => a.sequence - b.sequence)
        .slice(0, limit),
    dueCases: (nowMs, limit) =>
      [...tables().cases.values()]
        .filter(({ dueMs }) => dueMs !== undefined && dueMs <= nowMs)
        .toSorted((a, b) => a.dueMs! - b.dueMs! || compare(a.id, b.id))
        .slice(0, limit),
    deedByNumber: (number) => tables().deeds.get(number),
    officeSettings: (organization) => tables().settings.get(organization) ?? {},
    organization: (id) => tables().organizations.get(id),
  };
}

type Settings = Pick<CasePorts, 'addOrganization' | 'setOfficeSetting' | 'takeSerial'>;

function settingVerbs(database: Database): Sync<Settings> {
  const tables = () => database.tables.casework;
  return {
    addOrganization(organization) {
      const { organizations } = tables();
      if (organizations.has(organization.id)) throw new Error(`organization ${organization.id} is there`);
      organizations.set(organization.id, organization);
    },
    setOfficeSetting(organization, name, value) {
      const { settings } = tables();
      settings.set(organization, { ...settings.get(organization), [name]: value });
    },
    takeSerial(name, holder) {
      const { serials } = tables();
      const series = serials.get(name) ?? new Map<string, number>();
      const serial = series.get(holder) ?? series.size + 1;
      serials.set(name, series.set(holder, serial));
      return serial;
    },
  };
}
