import type { Network, Node } from './chain.ts';
import type { Disk } from './disk.ts';
import type { Instance } from './instance.ts';
import type { Random } from './random.ts';
import type { Life, Schedule } from './schedule.ts';
import type { Database } from './store.ts';

export interface Machine {
  readonly number: number;
  instance: Instance | undefined;
  node: Node | undefined;
  /** what its clock is ahead of the true time */
  offsetMs: number;
  /** when that last changed */
  jumpedMs: number;
  lives: number;
}

const MAX_JUMP_MS = 120_000;

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
export function chaosOf(deps: ChaosDeps) {
  const { random, schedule, database, disk, network, lock, machines, kill, powerFails } = deps;
  let ended = false;

  const anyone = (): Machine => random.pick(machines);
  const forAWhile = (what: string, begin: () => void, end: () => void, mostMs = 12_000): void => {
    begin();
    schedule.after(random.between(500, mostMs), `${what} is over`, undefined, end);
  };
  const setClock = (machine: Machine, offsetMs: number): void => {
    Object.assign(machine, { offsetMs, jumpedMs: schedule.nowMs });
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
      setClock(anyone(), random.between(-MAX_JUMP_MS, MAX_JUMP_MS));
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
        if (machine.offsetMs !== 0) setClock(machine, 0);
        if (machine.node) Object.assign(machine.node, { away: false, lagging: false });
        if (machine.instance) machine.instance.life.pausedUntilMs = 0;
      }
    },
  };
}
