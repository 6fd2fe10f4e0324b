import { CaseBusy } from '../../server/casework/cases.ts';
import { drawIdsFrom } from '../../server/journal/ids.ts';
import { BlobUnavailable } from '../../server/ports/blobs.ts';
import { ChainProblem } from '../../server/ports/chain.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';
import { askingOf } from './asking.ts';
import { createCaseClients } from './case-clients.ts';
import { talkRoom } from './case-room.ts';
import { createNetwork } from './chain.ts';
import { chaosOf, type Machine } from './chaos.ts';
import { type Clients, createClients } from './clients.ts';
import { createDisk, type Disk, type DiskBug, treesOf } from './disk.ts';
import { createFaults, drawMixture, type Medium } from './faults.ts';
import { fsckFinds } from './fsck.ts';
import { type Instance, type Ports, startInstance } from './instance.ts';
import { watchOver } from './invariants.ts';
import { issuer, TRUST } from './issuer.ts';
import { createLock } from './lock.ts';
import { type Random, randomOf } from './random.ts';
import { createSchedule, type Life, lifeOf, type Schedule, Violation } from './schedule.ts';
import { batchOf, createDatabase, type Database } from './store.ts';

/*
 * One run: the real pipeline of one to three services on simulated parts, a load, faults for a while, and then time to
 * come to rest. Everything follows from the seed.
 */

/** A mistake put in on purpose, in the places where a service meets its parts. */
export interface Bug {
  readonly name: string;
  readonly disk?: DiskBug;
  readonly database?: (database: Database, medium: Medium) => void;
  /** What it does besides, from its start on. */
  readonly begun?: (instance: Instance, medium: Medium) => void;
  /** Done when everything has come to rest: for fsck to find. */
  readonly atRest?: (database: Database, disk: Disk) => void;
  readonly ports?: (ports: Ports, context: { readonly database: Database }) => Ports;
}

export interface RunOptions {
  readonly seed: number;
  /** Ends without a verdict after so many. */
  readonly steps?: number;
  readonly print?: (line: string) => void;
  readonly bug?: Bug;
  /** How long faults last, in times of a short run. */
  readonly length?: number;
  /** Whether fsck looks at what is left; it checks every certificate anew, which costs as much as all the rest. */
  readonly fsck?: boolean;
}

export interface RunResult {
  readonly seed: number;
  readonly steps: number;
  /** SHA-256 of everything that happened, in its order */
  readonly digest: string;
  /** undefined where everything held */
  readonly violation: { readonly step: number; readonly what: string } | undefined;
  readonly certificates: number;
  /** of cases */
  readonly events: number;
}

/** Seeds that CI runs, from 1: what they cannot find nobody has looked for. */
export const CI_SEEDS = 2_000;

/** Runs in which there are cases, too. */
export const hasCases = (seed: number): boolean => seed % 4 === 3;

/** And those of them in which somebody takes a case with him in the end: its certificates cost as much as all the rest. */
const takesPackage = (seed: number): boolean => seed % 32 === 3;

/** Near the end of a year, so that in some runs it changes. */
const STARTS = [Date.UTC(2026, 10, 22, 7), Date.UTC(2026, 11, 31, 23, 59, 30)];

const FAULTS_MS = 40_000;
/** Clocks that were set wrongly are right again by then, and dearer transactions have had their patience. */
const REST_MS = 40 * 60_000;

export async function simulate(options: RunOptions): Promise<RunResult> {
  const random = randomOf(options.seed);
  const schedule = createSchedule(random, random.pick(STARTS), options.print);
  drawIdsFrom(random.fill);
  try {
    const run = wire(options, random, schedule);
    await run.toTheEnd(options.steps ?? Number.POSITIVE_INFINITY);
    return { ...resultOf(options, schedule), violation: undefined, ...run.left() };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const violation = { step: error.step, what: error.message };
    return { ...resultOf(options, schedule), violation, certificates: 0, events: 0 };
  } finally {
    drawIdsFrom();
  }
}

const resultOf = ({ seed }: RunOptions, schedule: Schedule) => ({
  seed,
  steps: schedule.steps,
  digest: schedule.digest(),
});

function wire({ seed, bug, length = 1, fsck = false }: RunOptions, random: Random, schedule: Schedule) {
  const mixture = drawMixture(random);
  const faults = createFaults(random, mixture);
  const faultsMs = FAULTS_MS * length;
  const medium: Medium = { random, schedule, faults, kill };
  const gapless = random.chance(0.5);
  const database = createDatabase(medium, !gapless);
  const disk = createDisk(medium, bug?.disk);
  const network = createNetwork(medium, {
    blockMs: random.between(1_500, 5_000),
    depth: random.between(1, 5),
  });
  const lock = createLock(medium);
  const settings = {
    limits: { maxAgeMs: random.between(1_000, 8_000), maxEntries: random.between(2, 8) },
    everyMs: { seal: random.between(500, 2_000), anchor: random.between(800, 2_500), fixity: 30_000 },
    resendAfterMs: random.between(5_000, 20_000),
  };
  const machines = Array.from({ length: random.pick([1, 1, 2, 3]) }, (_, i): Machine => {
    return { number: i + 1, instance: undefined, node: undefined, offsetMs: 0, jumpedMs: 0, lives: 0 };
  });
  let clients: Clients;
  const watch = watchOver({
    ...{ schedule, database, disk, network, lock, clients: () => clients, nodesLie: mixture.lie > 0 },
    clockJumped: (life) =>
      machines.some(
        ({ instance, jumpedMs }) =>
          instance?.life === life && schedule.nowMs - jumpedMs <= settings.resendAfterMs,
      ),
    fsck: fsck
      ? () => fsckFinds({ database, gapless, disk, network, issuers: TRUST.issuers, nowMs: schedule.nowMs })
      : undefined,
  });
  bug?.database?.(database, medium);

  function begin(machine: Machine): void {
    const life = lifeOf(`i${machine.number}.${++machine.lives}`);
    schedule.note(`${life.name} begins`);
    const node = network.node(life);
    machine.node = node;
    const store = database.client(life);
    const ports: Ports = {
      ...{ store, blobs: disk.client(life), chain: node, leadership: lock.leadership(life) },
      ...{ trees: treesOf(medium, life), certificates: store },
    };
    machine.instance = startInstance({
      ...{ life, schedule, issuer, onBug, ...settings },
      room: hasCases(seed) ? talkRoom : undefined,
      clock: { nowMs: () => schedule.nowMs + machine.offsetMs },
      ports: bug?.ports?.(ports, { database }) ?? ports,
    });
    bug?.begun?.(machine.instance, medium);
  }

  function kill(life: Life, why: string): void {
    if (!life.alive) return;
    schedule.note(`${life.name} is killed: ${why}`);
    life.alive = false;
    lock.died(life);
    const machine = machines.find(({ instance }) => instance?.life === life)!;
    machine.instance = undefined;
    schedule.after(random.between(100, 15_000), `machine ${machine.number} starts`, undefined, () =>
      begin(machine),
    );
  }

  /** All at once; what was not durable is gone. */
  function powerFails(): void {
    for (const { instance } of machines) if (instance) kill(instance.life, 'power failure');
    database.powerFails();
    disk.powerFails();
    watch.checkPromises();
  }

  /** What may go wrong inside a service without anybody's fault: another one was faster, or a part was away. */
  const EXPECTED = /is not the first waiting one|^a batch of \d+ where|^failed before$|^answer lost$/;
  function onBug(task: string, error: Error): void {
    if (!EXPECTED.test(error.message)) schedule.fail(`${task}: ${error.message}`);
  }
  function onError(what: string, error: Error): void {
    const isKnown =
      error instanceof StoreUnavailable ||
      error instanceof BlobUnavailable ||
      error instanceof ChainProblem ||
      error instanceof CaseBusy;
    // A driver that does a deposit twice finds its own id there: the client is told nothing, and it is stored.
    const isTwice = /^the id .* is taken$|^an id is taken$/.test(error.message);
    if (!isKnown && !isTwice) schedule.fail(`${what}: ${error.message}`);
  }

  const asking = askingOf({
    ...medium,
    instance: () => {
      const running = machines.flatMap(({ instance }) => instance ?? []);
      return running.length === 0 ? undefined : random.pick(running);
    },
    onError,
  });
  clients = createClients({
    ...{ medium, asking },
    reorganisations(id) {
      const entry = database.tables.entries.find((one) => one.id === id);
      const batch = entry && batchOf(database.tables, entry.sequence);
      if (batch === undefined) return 0;
      return database.verbs.historyOfBatch(batch.number).filter(({ event }) => event === 'reorganised')
        .length;
    },
    promise: watch.promised,
    received: watch.received,
  });
  const people = createCaseClients({
    ...{ medium, asking, packages: takesPackage(seed) ? 1 : 0 },
    told: watch.cases.told,
    given: watch.cases.given,
    took: watch.cases.took,
  });

  const chaos = chaosOf({
    random,
    schedule,
    database,
    disk,
    network,
    machines,
    kill,
    powerFails,
    lock,
    faultsMs,
  });

  async function toTheEnd(maxSteps: number): Promise<void> {
    for (const machine of machines) begin(machine);
    network.start();
    clients.start(random.between(3, 6) * length, faultsMs);
    if (hasCases(seed)) people.start(random.between(1, 3) * length, faultsMs);
    chaos.start();
    schedule.after(faultsMs, 'faults end', undefined, () => {
      faults.end();
      chaos.end();
    });
    const endsMs = schedule.nowMs + faultsMs + REST_MS;
    const faultsEndMs = schedule.nowMs + faultsMs;
    while (schedule.steps < maxSteps) {
      await schedule.step();
      if (schedule.nowMs > faultsEndMs && isAtRest()) {
        bug?.atRest?.(database, disk);
        await watch.checkAll();
        // Whatever that has found ends the run with its step.
        await schedule.step();
        return;
      }
      if (schedule.nowMs > endsMs) throw new Violation(schedule.steps, `stuck: ${whatWaits()}`);
    }
  }

  const open = (): number => clients.open() + people.open();
  const isAtRest = (): boolean => open() === 0 && whatWaits() === '';

  function whatWaits(): string {
    const { tables } = database;
    const lastSealed = tables.batches.at(-1)?.lastSequence ?? 0;
    const unsealed = tables.entries.filter(({ sequence }) => sequence > lastSealed).length;
    const unplanned = tables.batches.length - tables.anchors.length;
    const unfinished = tables.anchors.filter(({ state }) => state !== 'final').length;
    const due = [...tables.casework.cases.values()].filter(({ dueMs }) => dueMs! <= schedule.nowMs).length;
    const counts = { unsealed, unplanned, unfinished, due, open: open() };
    return Object.entries(counts)
      .flatMap(([name, count]) => (count > 0 ? `${count} ${name}` : []))
      .join(', ');
  }

  const left = () => ({
    certificates: database.tables.certificates.length,
    events: database.tables.casework.events.length,
  });
  return { toTheEnd, left };
}
