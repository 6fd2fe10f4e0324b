import { createHash } from 'node:crypto';
import type { BulkRecord } from '../../server/pipeline/deposit.ts';
import { type Depositor, declaredFile } from '../../server/pipeline/manifest.ts';
import type { EntryState, IdempotencyClaim } from '../../server/ports/store.ts';
import type { Asking } from './asking.ts';
import type { Medium } from './faults.ts';
import type { Instance } from './instance.ts';

/*
 * Those who deposit and ask. What they were told is written down, and must be true for ever.
 */

/** What a 201 said. */
export interface Promised {
  readonly id: string;
  readonly organization: string;
  readonly title: string;
  readonly leaf: string;
  /** bytes of the manifest; a bulk call tells the leaf only */
  readonly manifest: string | undefined;
  certificate: Uint8Array | undefined;
}

export interface Clients {
  readonly promised: Promised[];
  /** titles of requests with a key: each may be in the journal once */
  readonly keyed: Set<string>;
  /** requests and certificates that are not there yet */
  open(): number;
  start(requests: number, withinMs: number): void;
}

export interface ClientDeps {
  readonly medium: Medium;
  readonly asking: Asking;
  /** how often a reorganisation was recorded for the batch of this entry */
  readonly reorganisations: (id: string) => number;
  readonly promise: (promised: Promised) => void;
  readonly received: (promised: Promised, certificate: Uint8Array, revision: number) => void;
}

const ORDER: readonly EntryState[] = ['received', 'batched', 'anchoring', 'anchored'];

export const DEPOSITORS: readonly Depositor[] = [
  { id: '019ab1c0-0000-7000-8000-000000000001', name: '甲', uscc: undefined },
  { id: '019ab1c0-0000-7000-8000-000000000002', name: '乙', uscc: undefined },
];

export function createClients(deps: ClientDeps): Clients {
  const { random, schedule } = deps.medium;
  const { http, insist } = deps.asking;
  const promised: Promised[] = [];
  const keyed = new Set<string>();
  let open = 0;
  let requests = 0;

  const recordOf = (title: string): BulkRecord => {
    const sha256 = createHash('sha256').update(title).digest('hex');
    const files = [declaredFile({ name: 'a', size: title.length, sha256 })];
    return { given: { title }, contents: { files, folder: null } };
  };
  const claimOf = (title: string): IdempotencyClaim => ({
    key: `key-${title}`,
    fingerprint: createHash('sha256').update(title).digest('hex').slice(0, 32),
  });

  function keep(one: Omit<Promised, 'certificate'>): void {
    const made = { ...one, certificate: undefined };
    promised.push(made);
    deps.promise(made);
    open++;
    void follow(made);
  }

  async function single(name: string, isKeyed: boolean): Promise<void> {
    const depositor = random.pick(DEPOSITORS);
    const claim = isKeyed ? claimOf(name) : undefined;
    const isUpload = random.chance(0.3);
    const handle = (instance: Instance) =>
      isUpload
        ? instance.upload(depositor, name, [{ name: 'f', chunks: chunksOf(name) }], claim)
        : instance.deposit(depositor, recordOf(name), claim);
    const first = await insist(`deposit ${name}`, isKeyed, handle);
    if (first === undefined) return;
    const receipt = first.value;
    if (receipt === undefined) return schedule.fail(`the key of ${name} is used by another request`);
    const { id, leafHash: leaf } = receipt;
    const manifest = Buffer.from(receipt.manifest).toString('utf8');
    keep({ id, organization: depositor.id, title: name, leaf, manifest });
    if (!isKeyed || random.chance(0.5)) return;
    const again = await insist(`deposit ${name} once more`, true, handle);
    const same = again?.value;
    if (same === undefined || !same.replayed || same.id !== id || same.leafHash !== leaf)
      return schedule.fail(`${name} once more under its key is ${same?.id}, was ${id}`);
    const other = await insist(`another deposit under the key of ${name}`, true, (instance) =>
      instance.deposit(depositor, recordOf(`${name}-other`), { ...claim!, fingerprint: '0'.repeat(32) }),
    );
    if (other?.value !== undefined) schedule.fail(`another request under the key of ${name} was stored`);
  }

  async function bulk(name: string, isKeyed: boolean): Promise<void> {
    const depositor = random.pick(DEPOSITORS);
    const titles = Array.from({ length: random.between(2, 3) }, (_, i) => `${name}.${i}`);
    if (isKeyed) for (const title of titles) keyed.add(title);
    const claim = isKeyed ? claimOf(name) : undefined;
    const answer = await insist(`bulk ${name}`, isKeyed, (instance) =>
      instance.bulk(depositor, titles.map(recordOf), claim),
    );
    if (answer === undefined) return;
    if (answer.value.outcome === 'key-reused')
      return schedule.fail(`the key of ${name} is used by another request`);
    if (answer.value.made.length !== titles.length)
      return schedule.fail(`${name} has ${answer.value.made.length} entries`);
    for (const [i, { id, leafHash }] of answer.value.made.entries()) {
      const organization = depositor.id;
      keep({ id, organization, title: titles[i]!, leaf: leafHash, manifest: undefined });
    }
  }

  /** Looks where it stands until the certificate is there. */
  async function follow(one: Promised): Promise<void> {
    const { id, organization, title } = one;
    let rank = 0;
    let reorganised = deps.reorganisations(id);
    while (one.certificate === undefined) {
      await schedule.sleep(random.between(1_500, 9_000), `${title}: look`, undefined);
      if (random.chance(0.25)) await fetchCertificate(one);
      // What is read after this may be of a reorganisation that is recorded after this.
      const beforeAsking = deps.reorganisations(id);
      const answer = await http(`status ${title}`, (instance) => instance.status(organization, id));
      if (answer === undefined) continue;
      const status = answer.value;
      if (status === undefined) return schedule.fail(`${title} was promised and is not there`);
      if (status.leafHash !== one.leaf) return schedule.fail(`${title} has another leaf than was promised`);
      const now = ORDER.indexOf(status.state);
      if (now < rank && deps.reorganisations(id) === reorganised)
        return schedule.fail(`${title} went back from ${ORDER[rank]} to ${status.state}`);
      rank = now;
      reorganised = beforeAsking;
      if (status.state === 'anchored') await fetchCertificate(one);
    }
    open--;
  }

  async function fetchCertificate(one: Promised): Promise<void> {
    const answer = await http(`certificate ${one.title}`, (instance) =>
      instance.certificate(one.organization, one.id),
    );
    if (answer?.value === undefined) return;
    deps.received(one, answer.value.bytes, answer.value.revision);
    one.certificate = answer.value.bytes;
  }

  async function* chunksOf(title: string): AsyncGenerator<Uint8Array> {
    for (let i = 0; i < 2; i++) {
      await schedule.sleep(random.between(1, 200), `${title}: more bytes`, undefined);
      yield Buffer.from(`${title} part ${i}\n`.repeat(3));
    }
  }

  async function request(): Promise<void> {
    const name = `r${++requests}`;
    const isKeyed = random.chance(0.7);
    if (isKeyed) keyed.add(name);
    open++;
    await (random.chance(0.25) ? bulk(name, isKeyed) : single(name, isKeyed));
    open--;
  }

  return {
    promised,
    keyed,
    open: () => open,
    start(count, withinMs) {
      for (let i = 0; i < count; i++) {
        open++;
        schedule.after(random.between(0, withinMs), 'somebody deposits', undefined, () => {
          open--;
          void request();
        });
      }
    },
  };
}
