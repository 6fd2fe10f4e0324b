import { createHash } from 'node:crypto';
import { CHAIN_ID } from '../../scripts/vectors/block.ts';
import { GENESIS } from '../../scripts/vectors/sample.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { checkHeader } from '../../server/core/anchor/ethereum-header.ts';
import { fromHex, toHex, utf8 } from '../../server/core/read/bytes.ts';
import { canonicalize, type JsonObject, parseJson } from '../../server/core/read/json.ts';
import { verifyCertificate } from '../../server/core/verify/verify.ts';
import type { Anchor, StoredCertificate } from '../../server/ports/store.ts';
import { type CaseWatch, watchCases } from './case-invariants.ts';
import type { Network } from './chain.ts';
import type { Clients, Promised } from './clients.ts';
import type { Disk } from './disk.ts';
import { TRUST } from './issuer.ts';
import type { Lock } from './lock.ts';
import type { Life, Schedule } from './schedule.ts';
import { type Commit, type Database, type KeptEntry, waiting } from './store.ts';

/*
 * What must hold, looked at when something is committed or told, and all of it at the end. Nothing here uses what it
 * judges: the tree is built in another way than the service does, from the entries' own bytes.
 */

export interface World {
  readonly schedule: Schedule;
  readonly database: Database;
  readonly disk: Disk;
  readonly network: Network;
  readonly lock: Lock;
  readonly clients: () => Clients;
  /** Nodes say what is not so: then what was right to be written is not known here. */
  readonly nodesLie: boolean;
  /** Its clock was set within the time for which it waits for a node that is behind: the wait may have ended early. */
  readonly clockJumped: (life: Life) => boolean;
  /** what fsck finds at the end; undefined where a run leaves it out */
  readonly fsck: (() => Promise<readonly string[]>) | undefined;
}

export interface Watch {
  readonly cases: CaseWatch;
  promised(one: Promised): void;
  received(one: Promised, certificate: Uint8Array, revision: number): void;
  /** After a power failure, and at the end: all that was promised is there. */
  checkPromises(): void;
  /** Once everything has come to rest. */
  checkAll(): Promise<void>;
}

const sha256 = (...parts: readonly Uint8Array[]): Buffer => {
  const hash = createHash('sha256');
  for (const part of parts) hash.update(part);
  return hash.digest();
};

/** RFC 6962 §2.1, as it is written there: split at the largest power of two below. */
function rootOfLeaves(leaves: readonly Uint8Array[]): Uint8Array {
  if (leaves.length === 1) return leaves[0]!;
  const half = 2 ** Math.ceil(Math.log2(leaves.length) - 1);
  return sha256(Uint8Array.of(1), rootOfLeaves(leaves.slice(0, half)), rootOfLeaves(leaves.slice(half)));
}

const leafOf = (entry: string): Buffer => sha256(Uint8Array.of(0), utf8(entry));

export function watchOver(world: World): Watch {
  const { schedule, database, disk, network, lock } = world;
  const fail = schedule.fail;
  const verified = new Set<string>();
  const numbers = new Map<string, number>();
  const newest = new Map<string, number>();
  let appended = 0;
  const cases = watchCases({ schedule, database, lock, blocks: () => blocksOf(database.tables.anchors) });

  const entriesOf = (from: number, through: number): readonly KeptEntry[] =>
    database.tables.entries.filter(({ sequence }) => from <= sequence && sequence <= through);

  function checkDeposit(entries: readonly KeptEntry[]): void {
    for (const { entry, leaf, id } of entries) {
      if (!leafOf(entry).equals(leaf)) fail(`the leaf of ${id} is not of its bytes`);
      const manifest = JSON.parse(entry) as {
        id: string;
        evidence: { title: string };
        files: readonly { digests: string; sha256: string }[];
      };
      if (manifest.id !== id) fail(`entry ${id} says that it is ${manifest.id}`);
      const { title } = manifest.evidence;
      const same = database.tables.entries.filter((one) => one.entry.includes(`"title":"${title}"`));
      if (world.clients().keyed.has(title) && same.length > 1)
        fail(`${title} was stored twice under one key`);
      for (const { digests, sha256: name } of manifest.files)
        if (digests === 'computed' && !disk.isDurable('files', name))
          fail(`${title} names a file that is not durable`);
    }
  }

  function checkSeal(number: number): void {
    const { batches, entries } = database.tables;
    const batch = batches[number - 1]!;
    const inside = entriesOf(batch.firstSequence, batch.lastSequence);
    const before = batches[number - 2]?.lastSequence ?? 0;
    const next = entries.find(({ sequence }) => sequence > before);
    if (next?.sequence !== batch.firstSequence) fail(`batch ${number} leaves entries out`);
    if (inside.length !== batch.size) fail(`batch ${number} of ${batch.size} holds ${inside.length} entries`);
    const root = toHex(rootOfLeaves(inside.map(({ entry }) => leafOf(entry))));
    if (root !== batch.root) fail(`the root of batch ${number} is not of its entries`);
    if (!disk.isDurable('trees', root)) fail(`batch ${number} was sealed before its tree was durable`);
  }

  function checkPlan({ batch, index, log }: Anchor): void {
    const others = database.tables.anchors.slice(0, -1);
    if (
      others.some((one) => one.log.operator === log.operator && (one.index === index || one.batch === batch))
    )
      fail(`index ${index} or batch ${batch} was planned twice`);
  }

  function checkFinal(anchor: Anchor): void {
    const block = network.blockAt(anchor.blockNumber!);
    if (anchor.blockNumber! > network.finalNumber || block?.hash !== anchor.blockHash)
      fail(`index ${anchor.index} is recorded as final in a block that is not`);
  }

  function checkTakenBack(anchor: Anchor, life: Life): void {
    const block = network.blockAt(anchor.blockNumber!);
    if (world.nodesLie || world.clockJumped(life)) return;
    if (anchor.state === 'final' && block?.hash === anchor.blockHash)
      fail(`index ${anchor.index} was final, its block is on the chain, and it was taken back`);
  }

  /** Those that anchors stand in, as far as everybody knows them. */
  const blocksOf = (anchors: readonly { readonly blockNumber: number | undefined }[]) =>
    anchors.flatMap(({ blockNumber: number }) =>
      number === undefined || number > network.finalNumber
        ? []
        : {
            ...{ source: 'x', chainId: CHAIN_ID, genesisHash: GENESIS, number },
            hash: network.blockAt(number)!.hash,
          },
    );

  async function verify({ sequence, bytes }: StoredCertificate): Promise<void> {
    const entry = database.tables.entries.find((one) => one.sequence === sequence)!;
    const parsed = parseJson(bytes) as JsonObject;
    const told = JSON.parse(entry.entry) as {
      id: string;
      evidence?: { title: string };
      files?: readonly { sha256: string; sm3: string | null }[];
    };
    const { title } = told.evidence ?? { title: `event ${told.id}` };
    if (canonicalize(parsed['entry']!) !== entry.entry) fail(`the certificate of ${title} has another entry`);
    const number = String(parsed['number']);
    if ((numbers.get(number) ?? sequence) !== sequence) fail(`two certificates have the number ${number}`);
    numbers.set(number, sequence);
    const headers = (parsed['anchors'] as { header: string }[]).map(({ header }) =>
      checkHeader(fromHex(header)),
    );
    const blocks = blocksOf(headers.map(({ number }) => ({ blockNumber: number })));
    const report = await verifyCertificate({
      certificate: bytes,
      files: (told.files ?? []).map(({ sha256: digest, sm3 }) => ({
        ...{ sha256: digest, basis: 'supplied' as const },
        ...(sm3 !== null && { sm3 }),
      })),
      ...{ trust: TRUST, blocks, signatures: nodeSignatures },
    });
    const open = report.checks.filter(({ status }) => status === 'failed' || status === 'unknown');
    if (report.verdict !== 'valid')
      fail(
        `the certificate of ${title} is ${report.verdict}: ${open.map((one) => one.reason.code).join(', ')}`,
      );
    verified.add(sha256(bytes).toString('hex'));
  }

  function checkCertificate(certificate: StoredCertificate): void {
    const { sequence, revision } = certificate;
    const earlier = database.tables.certificates.filter((one) => one.sequence === sequence).slice(0, -1);
    if (revision !== earlier.length + 1) fail(`revision ${revision} of ${sequence} after ${earlier.length}`);
    void verify(certificate).catch((error: Error) =>
      fail(`a certificate cannot be checked: ${error.message}`),
    );
  }

  function onCommit(commit: Commit, life: Life): void {
    const { what } = commit;
    if (what === 'deposit') checkDeposit(commit.entries);
    else if (what === 'certificate') checkCertificate(commit.certificate);
    else if (what === 'step' || what === 'not-stepped') cases.committed(commit, life);
    else if (!lock.hasLed(life)) fail(`${life.name} wrote «${what}» and never led`);
    else if (what === 'seal') checkSeal(commit.batch.number);
    else if (what === 'plan') checkPlan(commit.anchor);
    else if (what === 'final') checkFinal(commit.anchor);
    else if (what === 'reorganised') checkTakenBack(commit.anchor, life);
  }
  database.watch(onCommit);

  network.onTransaction = (hash) => {
    if (!database.tables.attempts.some(({ transactionHash }) => transactionHash === hash))
      fail(`a node has transaction ${hash.slice(0, 10)} before it is durable`);
  };

  function checkChain(): void {
    const appends = network.appends();
    for (const { index, root, size } of appends) {
      const anchor = database.tables.anchors.find((one) => one.index === index);
      if (anchor?.root !== root || anchor.size !== size) fail(`index ${index} holds a root that is not ours`);
    }
    const roots = new Set(appends.map(({ root }) => root));
    if (roots.size !== appends.length) fail('a root is in the log twice');
    appended = appends.length;
  }

  function checkPromise({ id, organization, leaf, manifest, title }: Promised): void {
    const kept = database.tables.entries.find((one) => one.id === id && one.organization === organization);
    if (kept === undefined) fail(`${title} was promised and is lost`);
    else if (toHex(kept.leaf) !== leaf || (manifest !== undefined && kept.entry !== manifest))
      fail(`${title} is not what was promised`);
  }

  function checkPromises(): void {
    for (const one of world.clients().promised) checkPromise(one);
    cases.checkHeads();
  }

  return {
    cases,
    promised: checkPromise,
    received(one, certificate, revision) {
      const same = database.tables.certificates.some((kept) => kept.bytes === certificate);
      if (!same) fail(`${one.title} got a certificate that is not kept`);
      if (revision < (newest.get(one.id) ?? 0)) fail(`${one.title} got an older revision than before`);
      newest.set(one.id, revision);
    },
    checkPromises,
    async checkAll() {
      const { entries, batches, anchors, certificates, serials } = database.tables;
      checkPromises();
      checkChain();
      if (waiting(database.tables).length > 0) fail('entries wait for ever');
      const covered = batches.reduce((sum, { size }) => sum + size, 0);
      if (covered !== entries.length) fail(`${entries.length} entries, ${covered} in batches`);
      for (const { number } of batches) checkSeal(number);
      if (anchors.length !== batches.length || appended !== batches.length)
        fail(`${batches.length} batches, ${anchors.length} anchors, ${appended} roots in the log`);
      for (const anchor of anchors) {
        if (anchor.state !== 'final') fail(`index ${anchor.index} is ${anchor.state} at the end`);
        else checkFinal(anchor);
      }
      const given = [...serials.values()].map(({ year, serial }) => `${year} ${serial}`);
      if (new Set(given).size !== given.length) fail('a serial number was given twice');
      // Old revisions stay good: what they were found to be at their issuing rests on blocks that are final.
      for (const { bytes, sequence } of certificates)
        if (!verified.has(sha256(bytes).toString('hex')))
          fail(`a certificate of ${sequence} was never checked`);
      for (const { certificate, title } of world.clients().promised)
        if (certificate === undefined) fail(`${title} never got its certificate`);
      await cases.checkAll();
      const found = (await world.fsck?.()) ?? [];
      if (found.length > 0) fail(`fsck finds ${found.length}: ${found[0]}`);
    },
  };
}
