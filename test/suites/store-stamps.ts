import { createHash, createPublicKey, type KeyObject, verify } from 'node:crypto';
import { mkdtempSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { ensureTokenIdentity } from '../../server/adapters/stamping/identity.ts';
import { toHex } from '../../server/core/read/bytes.ts';
import { generalizedTime, parseDer } from '../../server/core/read/der.ts';
import { buildTree, leafHash, rootOf } from '../../server/core/tree/tree.ts';
import type { StamperSpec, TokenIdentity } from '../../server/ports/stamp.ts';
import type { Stamp } from '../../server/ports/store.ts';
import { createTimeGate, type TimeGate } from '../../server/ports/time-gate.ts';
import { addOrganization, entryOf, NOW_MS } from './sample.ts';
import type { OpenStore } from './store.suite.ts';

/** What the signed TSTInfo says, found by its place; core's own reader has its own tests. */
function infoOf(token: Uint8Array, key: KeyObject) {
  const signedData = parseDer(token).children[1]!.children[0]!;
  const [, , content, signers] = signedData.children;
  const info = content!.children[1]!.children[0]!.content;
  const signer = signers!.children[0]!;
  const attributes = Buffer.from(signer.children[3]!.raw);
  attributes[0] = 0x31;
  const [, , imprint, serial, time] = parseDer(info).children;
  return {
    imprint: toHex(imprint!.children[1]!.content),
    serial: toHex(serial!.content),
    timeMs: generalizedTime(time!),
    holds:
      verify('sha256', attributes, createPublicKey(key), signer.children[5]!.content) &&
      toHex(attributes).includes(createHash('sha256').update(info).digest('hex')),
  };
}

const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');

function rootOver(entries: readonly { readonly entry: string }[]): string {
  return toHex(rootOf(buildTree(Buffer.concat(entries.map(({ entry }) => leafHash(Buffer.from(entry)))))));
}

export interface Stamping {
  readonly gate: TimeGate;
  readonly key: KeyObject;
  readonly spec: StamperSpec;
}

export async function stampGuarantees(t: Test, open: OpenStore): Promise<void> {
  t.test('a deposit is stored with a token over its bytes, a bulk call with one over its root', async (t) => {
    const { store, reopen, stamping } = await open(t);
    const organization = await addOrganization(store);
    const entries = [1, 2, 3, 4, 5, 6].map(() => entryOf(organization));
    const sequences: number[] = [];
    for (const entry of entries.slice(0, 2)) {
      const outcome = await store.deposit(entry);
      if (outcome.outcome === 'stored') sequences.push(outcome.sequence);
    }
    await store.depositMany(organization, entries.slice(2, 5));
    await store.depositMany(organization, entries.slice(5));
    const first = sequences[0]!;
    const again = await reopen();
    const stamps: (Stamp | undefined)[] = [];
    for (let i = -1; i < 7; i++) stamps.push(await again.stampOf(first + i));
    t.equal(stamps[0], undefined);
    t.equal(stamps[7], undefined);
    t.same(
      stamps.map((stamp) => stamp && [stamp.firstSequence - first, stamp.count]),
      [undefined, [0, 1], [1, 1], [2, 3], [2, 3], [2, 3], [5, 1], undefined],
    );
    const infos = [1, 2, 3, 6].map((i) => infoOf(stamps[i]!.token!, stamping.key));
    t.ok(
      infos.every(({ holds }) => holds),
      'each is signed',
    );
    t.same(
      infos.map(({ imprint }) => imprint),
      [
        sha256(entries[0]!.entry),
        sha256(entries[1]!.entry),
        rootOver(entries.slice(2, 5)),
        sha256(entries[5]!.entry),
      ],
    );
    t.equal(new Set(infos.map(({ serial }) => serial)).size, 4, 'serial numbers differ');
    const times = infos.map(({ timeMs }) => timeMs);
    t.same(
      times,
      times.toSorted((a, b) => a - b),
      'times never go back',
    );
    t.same(await again.waitingStamps(10), []);
  });

  t.test('what is not stored is not stamped', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const claim = { key: 'k', fingerprint: '0'.repeat(32) };
    const entry = entryOf(organization);
    await store.deposit(entry, claim);
    await store.deposit(entryOf(organization), claim);
    await store.depositMany(organization, [], undefined);
    const last = await store.deposit(entryOf(organization));
    t.match(last, { outcome: 'stored' });
    const { sequence } = last as { sequence: number };
    t.equal((await store.stampOf(sequence - 1))?.firstSequence, sequence - 1);
    t.equal(await store.stampOf(sequence + 1), undefined);
  });

  t.test('while the clock is in doubt deposits go on, and are stamped later, once', async (t) => {
    const { store, reopen, stamping } = await open(t);
    const organization = await addOrganization(store);
    stamping.gate.shut();
    const entries = [1, 2, 3].map(() => entryOf(organization));
    await store.deposit(entries[0]!);
    await store.depositMany(organization, entries.slice(1));
    const again = await reopen();
    const waiting = await again.waitingStamps(10);
    t.same(
      waiting.map(({ count, entry, leaves }) => [count, entry, leaves.length]),
      [
        [1, entries[0]!.entry, 32],
        [2, entries[1]!.entry, 64],
      ],
    );
    t.same(Buffer.from(waiting[1]!.leaves), Buffer.concat(entries.slice(1).map(({ leaf }) => leaf)));
    t.equal((await again.waitingStamps(1)).length, 1);
    const first = waiting[0]!.firstSequence;
    t.match(await again.stampOf(first), { token: undefined, count: 1 });
    await again.recordStamp(first, Uint8Array.of(1));
    await again.recordStamp(first, Uint8Array.of(2));
    t.same((await again.stampOf(first))!.token, Uint8Array.of(1), 'the first one stays');
    t.equal((await again.waitingStamps(10)).length, 1);
    stamping.gate.open(WIDE);
    await again.deposit(entryOf(organization));
    t.ok((await again.stampOf(first + 3))!.token, 'and those that come later have theirs at once');
  });

  t.test('times that were written down are never given again, by whomever', async (t) => {
    const { store, reopen } = await open(t);
    const before = await store.reserveTime(5_000);
    t.ok(before >= 5_000);
    t.equal(await store.reserveTime(before + 10), before + 10);
    t.equal(await (await reopen()).reserveTime(1), before + 10);
  });

  t.test('a deposit’s token is never later than what is written down', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    await store.deposit(entryOf(organization));
    t.ok((await store.reserveTime(0)) >= Date.now() - 60_000);
  });

  t.test('certificates of signers are kept under the digest of the first', async (t) => {
    const { store, reopen } = await open(t);
    const chain = [Uint8Array.of(1, 2, 3), Uint8Array.of(4)];
    await store.keepSigner('ab', chain);
    await store.keepSigner('ab', [Uint8Array.of(9)]);
    await store.keepSigner('aa', [Uint8Array.of(5)]);
    const kept = await (await reopen()).signers();
    t.same(
      kept.toSorted((a, b) => (a.id < b.id ? -1 : 1)),
      [
        { id: 'aa', chain: [Uint8Array.of(5)] },
        { id: 'ab', chain },
      ],
    );
  });

  t.test('leaves of a run are those of its entries, in their order, or none', async (t) => {
    const { store } = await open(t);
    const organization = await addOrganization(store);
    const entries = [1, 2, 3].map(() => entryOf(organization));
    const outcome = await store.deposit(entries[0]!);
    const { sequence } = outcome as { sequence: number };
    await store.depositMany(organization, entries.slice(1));
    t.same(
      Buffer.from(await store.leavesFrom(sequence + 1, 2)),
      Buffer.concat(entries.slice(1).map(({ leaf }) => leaf)),
    );
    await t.rejects(store.leavesFrom(sequence + 1, 3));
  });
}

/** A key and its certificate, made once, and a gate of its own for each store. */
export async function newStamping(): Promise<Stamping> {
  identity ??= ensureTokenIdentity(mkdtempSync(join(tmpdir(), 'kezheng-tsa-')), '测试', NOW_MS);
  const { key, chain } = await identity;
  const gate = createTimeGate();
  gate.open(WIDE);
  return { gate, key, spec: { key, certificate: chain[0]!, accuracyMs: 1_350, gate: gate.memory } };
}

let identity: Promise<TokenIdentity> | undefined;

/** Whatever the clocks of this machine do. */
const WIDE = { lowMs: 0, highMs: Number.MAX_SAFE_INTEGER / 1_000, untilMs: Number.POSITIVE_INFINITY };
