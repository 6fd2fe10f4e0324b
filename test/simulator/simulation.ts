import { drawIdsFrom } from '../../server/journal/ids.ts';
import { BlobUnavailable } from '../../server/ports/blobs.ts';
import { ChainProblem } from '../../server/ports/chain.ts';
import { StoreUnavailable } from '../../server/ports/store.ts';
import { createNetwork, type Network, type Node } from './chain.ts';
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
}

/** Seeds that CI runs, from 1: what they cannot find nobody has looked for. */
export const CI_SEEDS = 2_000;

/** Near the end of a year, so that in some runs it changes. */
const STARTS = [Date.UTC(2026, 10, 22, 7), Date.UTC(2026, 11, 31, 23, 59, 30)];

const FAULTS_MS = 40_000;
/** Clocks that were set wrongly are right again by then, and dearer transactions have had their patience. */
const REST_MS = 40 * 60_000;
const MAX_JUMP_MS = 120_000;

export async function simulate(options: RunOptions): Promise<RunResult> {
  const random = randomOf(options.seed);
  const schedule = createSchedule(random, random.pick(STARTS), options.print);
  drawIdsFrom(random.fill);
  try {
    const run = wire(options, random, schedule);
    await run.toTheEnd(options.steps ?? Number.POSITIVE_INFINITY);
    return { ...resultOf(options, schedule), violation: undefined, certificates: run.certificates() };
  } catch (error) {
    if (!(error instanceof Violation)) throw error;
    const violation = { step: error.step, what: error.message };
    return { ...resultOf(options, schedule), violation, certificates: 0 };
  } finally {
    drawIdsFrom();
  }
}

const resultOf = ({ seed }: RunOptions, schedule: Schedule) => ({
  seed,
  steps: schedule.steps,
  digest: schedule.digest(),
});

interface Machine {
  readonly number: number;
  instance: Instance | undefined;
  node: Node | undefined;
  /** what its clock is ahead of the true time */
  offsetMs: number;
  lives: number;
}

function wire({ bug, length = 1, fsck = false }: RunOptions, random: Random, schedule: Schedule) {
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
    return { number: i + 1, instance: undefined, node: undefined, offsetMs: 0, lives: 0 };
  });
  let clients: Clients;
  const watch = watchOver({
    ...{ schedule, database, disk, network, lock, clients: () => clients, nodesLie: mixture.lie > 0 },
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
      clock: { nowMs: () => schedule.nowMs + machine.offsetMs },
      ports: bug?.ports?.(ports, { database }) ?? ports,
    });
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
      error instanceof StoreUnavailable || error instanceof BlobUnavailable || error instanceof ChainProblem;
    // A driver that does a deposit twice finds its own id there: the client is told nothing, and it is stored.
    const isTwice = /^the id .* is taken$|^an id is taken$/.test(error.message);
    if (!isKnown && !isTwice) schedule.fail(`${what}: ${error.message}`);
  }

  clients = createClients({
    ...medium,
    instance: () => {
      const running = machines.flatMap(({ instance }) => instance ?? []);
      return running.length === 0 ? undefined : random.pick(running);
    },
    reorganisations(id) {
      const entry = database.tables.entries.find((one) => one.id === id);
      const batch = entry && batchOf(database.tables, entry.sequence);
      if (batch === undefined) return 0;
      return database.verbs.historyOfBatch(batch.number).filter(({ event }) => event === 'reorganised')
        .length;
    },
    promise: watch.promised,
    received: watch.received,
    onError,
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

  const isAtRest = (): boolean => clients.open() === 0 && whatWaits() === '';

  function whatWaits(): string {
    const { tables } = database;
    const lastSealed = tables.batches.at(-1)?.lastSequence ?? 0;
    const unsealed = tables.entries.filter(({ sequence }) => sequence > lastSealed).length;
    const unplanned = tables.batches.length - tables.anchors.length;
    const unfinished = tables.anchors.filter(({ state }) => state !== 'final').length;
    const counts = { unsealed, unplanned, unfinished, open: clients.open() };
    return Object.entries(counts)
      .flatMap(([name, count]) => (count > 0 ? `${count} ${name}` : []))
      .join(', ');
  }

  return { toTheEnd, certificates: () => database.tables.certificates.length };
}

interface ChaosDeps {
  readonly random: Random;
  readonly schedule: Schedule;
  readonly database: Database;
  readonly disk: Disk;
  readonly network: Network;
  readonly lock: { expire(): void };
  readonly machines: readonly Machine[];
  readonly kill: (life: Life, why: string) => void;
  readonly powerFails: () => void;
  readonly faultsMs: number;
}

/** Larger troubles, one now and then; which of them there are is the seed's choice too. */
function chaosOf(deps: ChaosDeps) {
  const { random, schedule, database, disk, network, lock, machines, kill, powerFails } = deps;
  let ended = false;

  const anyone = (): Machine => random.pick(machines);
  const forAWhile = (what: string, begin: () => void, end: () => void, mostMs = 12_000): void => {
    begin();
    schedule.after(random.between(500, mostMs), `${what} is over`, undefined, end);
  };
  const standStill = ({ instance }: Machine): void => {
    if (instance) instance.life.pausedUntilMs = schedule.nowMs + random.between(1_000, 30_000);
  };
  const troubles: Readonly<Record<string, () => void>> = {
    'a process is killed'() {
      const { instance } = anyone();
      if (instance) kill(instance.life, 'by somebody');
    },
    'power fails': powerFails,
    'a machine stands still'() {
      standStill(anyone());
      if (random.chance(0.7)) lock.expire();
    },
    'the lock is lost': () => lock.expire(),
    'a clock jumps'() {
      anyone().offsetMs = random.between(-MAX_JUMP_MS, MAX_JUMP_MS);
    },
    'the database is away': () =>
      forAWhile(
        'the database',
        () => (database.away = true),
        () => (database.away = false),
      ),
    'the disk is full': () =>
      forAWhile(
        'the disk',
        () => (disk.away = true),
        () => (disk.away = false),
      ),
    'a node is away'() {
      const { node } = anyone();
      if (node)
        forAWhile(
          'a node',
          () => (node.away = true),
          () => (node.away = false),
        );
    },
    /** Long enough for others to see blocks become final; then its instance may have to lead. */
    'a node lags'() {
      const machine = anyone();
      const { node } = machine;
      if (node === undefined) return;
      const catchUp = () => (node.lagging = false);
      forAWhile('a node', () => (node.lagging = true), catchUp, 40_000);
      if (random.chance(0.5))
        schedule.after(random.between(3_000, 20_000), 'the others stand still', undefined, () => {
          for (const other of machines) if (other !== machine) standStill(other);
          lock.expire();
        });
    },
    'a node begins on an older state'() {
      anyone().node?.restartOlder(random.between(1, 4));
    },
    'the chain stands still': () =>
      forAWhile(
        'the chain',
        () => (network.stalled = true),
        () => (network.stalled = false),
      ),
    'blocks are replaced': () => network.reorganise(random.between(1, 5), random.chance(0.7)),
    'transactions are lost': () => network.forget(),
    'another program uses the key': () => network.intrude(),
    'fees change'() {
      network.baseFee = BigInt(random.pick([1, 1, 4, 30])) * 10n ** 9n;
    },
  };
  const chosen = Object.keys(troubles).filter(() => random.chance(0.5));
  const everyMs = random.between(1_000, 8_000);

  function next(): void {
    if (ended || chosen.length === 0) return;
    const what = random.pick(chosen);
    schedule.note(`! ${what}`);
    troubles[what]!();
    schedule.after(random.between(1, 2 * everyMs), 'trouble', undefined, next);
  }

  return {
    start: () => void schedule.after(random.between(0, everyMs), 'trouble', undefined, next),
    end() {
      ended = true;
      database.away = false;
      disk.away = false;
      network.stalled = false;
      for (const machine of machines) {
        machine.offsetMs = 0;
        if (machine.node) Object.assign(machine.node, { away: false, lagging: false });
        if (machine.instance) machine.instance.life.pausedUntilMs = 0;
      }
    },
  };
}
