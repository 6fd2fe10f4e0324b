import { createHash, createPrivateKey, sign } from 'node:crypto';
import { appendFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import type Database from 'better-sqlite3';
import { Transaction, Wallet } from 'ethers';
import t, { type Test } from 'tap';
import { ensureTokenIdentity } from '../../server/adapters/stamping/identity.ts';
import { leafOf } from '../../server/audit/merkle.ts';
import { treeOf } from '../../server/audit/trees.ts';
import { certificatesIn } from '../../server/cli/pem.ts';
import { assembleToken, draftToken, tokenForm } from '../../server/core/token/build.ts';
import { sha256Imprint } from '../../server/core/token/imprint.ts';
import { PROMISE_POLICY } from '../../server/core/token/policies.ts';
import { parseToken } from '../../server/core/token/read.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { append, KEY, openChain } from '../support/anvil.ts';
import { untilState } from '../support/configured.ts';
import { rpc, rpcProxy } from '../support/rpc-proxy.ts';
import { copyOf, inDatabase, install, type Looked, look, mergeLookup } from './installation.ts';

/*
 * One installation, made by the real service on a real chain; each test damages a copy of it in one way, and fsck must
 * name that and nothing else.
 */

t.setTimeout(300_000);
const made = await install(t);
const rpcUrl = made.anvil.url;

// Before the first test: tap ends a file that has nothing left to test while something else is awaited.
const running = await look(made.dataDir, { rpcUrl });
const looking = look(made.dataDir, { rpcUrl });
const late = await made.service.deposit(10);
const meanwhile = await looking;
await untilState(made.service, late, 'anchoring');
await made.anvil.mine(4);
await untilState(made.service, late, 'anchored');
await made.service.stop();
await mergeLookup(made.dataDir);

t.test('beside a running service nothing is wrong, also where deposits come while it looks', async (t) => {
  t.strictSame(running.told, []);
  // It may be writing one file or another.
  t.strictSame(
    running.notes.filter((note) => !note.startsWith('temporary-file ')),
    [],
  );
  t.strictSame(running.unreadParts, []);
  t.strictSame(meanwhile.told, []);
});

t.test('a stopped service is looked at as well', async (t) => {
  const { told, notes, unreadParts } = await look(made.dataDir, { rpcUrl });
  t.strictSame(told, []);
  t.strictSame(notes, []);
  t.strictSame(unreadParts, []);
});

const rootOf = (db: Database.Database, batch: number): string =>
  db.prepare('select root from batches where number = ?').pluck().get(batch) as string;
const treePath = (dir: string, root: string): string => join(dir, 'blobs', 'trees', root.slice(0, 2), root);
const sha256 = (text: string): string => createHash('sha256').update(text).digest('hex');
const FILE = sha256('第一个文件');
const filePath = (dir: string, name: string): string => join(dir, 'blobs', 'files', name.slice(0, 2), name);
const roots: string[] = [];
let year = 0;
inDatabase(made.dataDir, (db) => {
  for (const number of [1, 2, 3, 4]) roots[number] = rootOf(db, number);
  year = db.prepare('select year from serials').pluck().get() as number;
});

function flip(path: string, at: number): void {
  const bytes = readFileSync(path);
  bytes[at]! ^= 1;
  writeFileSync(path, bytes);
}

/** The same document with another title, in its canonical form. */
const retitled = (db: Database.Database, sequence: number): Buffer => {
  const entry = db
    .prepare('select cast(entry as blob) from entries where sequence = ?')
    .pluck()
    .get(sequence) as Buffer;
  return Buffer.from(entry.toString('utf8').replace('仅摘要', '仅篡改'), 'utf8');
};

/** Entry 3 exchanged for another, its leaf, its batch's root and its tree made anew: everything that one machine holds. */
function exchange(dir: string): string {
  let root = '';
  inDatabase(dir, (db) => {
    const bytes = retitled(db, 3);
    db.prepare('update entries set entry = cast(? as text), leaf = ? where sequence = 3').run(
      bytes,
      leafOf(bytes),
    );
    const leaves = db
      .prepare('select leaf from entries where sequence between 2 and 6 order by sequence')
      .pluck()
      .all() as Buffer[];
    const tree = treeOf(Uint8Array.from(Buffer.concat(leaves)));
    root = tree.root;
    db.prepare('update batches set root = ? where number = 2').run(root);
    mkdirSync(dirname(treePath(dir, root)), { recursive: true });
    writeFileSync(treePath(dir, root), tree.file());
  });
  return root;
}

/** Rebuilds a table without its rules, so that it can hold what they forbid. */
function withoutRules(db: Database.Database, table: string): void {
  db.exec(`create table loose as select * from ${table}`);
  db.exec(`drop table ${table}`);
  db.exec(`alter table loose rename to ${table}`);
}

const sql =
  (...statements: readonly string[]) =>
  (dir: string): void =>
    inDatabase(dir, (db) => {
      for (const statement of statements) db.exec(statement);
    });

/** A remembered call of the organization of entry 2: `values` are first_sequence, count and created_ms. */
const bulkCall = (values: string) =>
  sql(
    `insert into bulk_calls select organization, 'key-2', zeroblob(16), '', ${values} from entries where sequence = 2`,
  );

/** The same append at another price: a transaction that was signed and not mined. */
function dearer(sent: string): { readonly transactionHash: string; readonly raw: string } {
  const other = Transaction.from(sent);
  other.signature = null;
  other.maxFeePerGas = other.maxFeePerGas! + 1n;
  other.signature = new Wallet(KEY).signingKey.sign(other.unsignedHash);
  return { transactionHash: other.hash!, raw: other.serialized };
}

/** The keys of somebody else who can write to the database. */
const other = t.testdir();
await ensureTokenIdentity(other, '他人', Date.now());

const HOUR_MS = 3_600_000;

/** All tokens made anew with the key in `keys`, whose certificates go among the signers. */
function restamp(
  dir: string,
  keys: string,
  say: (firstSequence: number, genTimeMs: number) => { readonly genTimeMs: number; readonly serial?: number },
): void {
  const chain = certificatesIn(readFileSync(join(keys, 'tsa.cert.pem'), 'utf8')).map(({ raw }) => raw);
  const key = createPrivateKey(readFileSync(join(keys, 'tsa.key.pem')));
  const form = tokenForm({ certificate: chain[0]!, policy: PROMISE_POLICY, accuracyMs: 1_000 });
  inDatabase(dir, (db) => {
    const stamps = db.prepare('select first_sequence, token from stamps').all() as {
      first_sequence: number;
      token: Buffer;
    }[];
    for (const { first_sequence: first, token } of stamps) {
      const { info } = parseToken(token);
      const { genTimeMs, serial } = say(first, info.genTimeMs);
      const draft = draftToken(form, {
        imprint: sha256Imprint(info.imprint.digest),
        serial: Buffer.from([1, serial ?? first]),
        genTimeMs,
        nonce: undefined,
      });
      const anew = assembleToken(form, draft, sign('sha256', draft.toSign, key));
      db.prepare('update stamps set token = ? where first_sequence = ?').run(anew, first);
    }
    db.prepare('insert or replace into signers values (?, ?)').run(
      createHash('sha256').update(chain[0]!).digest('hex'),
      JSON.stringify(chain.map((one) => Buffer.from(one).toString('base64'))),
    );
  });
}

interface Damage {
  readonly what: string;
  readonly damage: (dir: string) => void;
  /** everything that is told, in any order */
  readonly told: readonly string[];
  readonly notes?: readonly string[];
}

const DAMAGES: readonly Damage[] = [
  {
    what: 'a byte of an entry',
    damage: (dir) =>
      inDatabase(dir, (db) =>
        db.prepare('update entries set entry = cast(? as text) where sequence = 4').run(retitled(db, 4)),
      ),
    told: ['entry-altered entries/4', 'stamp-wrong stamps/2'],
  },
  {
    what: 'a byte of an entry that makes it unreadable and is in a certificate',
    damage: sql(`update entries set entry = substr(entry, 1, length(entry) - 1) || ']' where sequence = 3`),
    told: [
      'entry-unreadable entries/3',
      'entry-altered entries/3',
      'certificate-entry-differs certificates/3:1',
      'stamp-wrong stamps/2',
    ],
  },
  {
    what: 'a leaf',
    damage: sql(`update entries set leaf = zeroblob(32) where sequence = 5`),
    told: ['leaf-differs entries/5'],
  },
  {
    what: 'the column of digests',
    damage: sql(`update entries set digests = zeroblob(32) where sequence = 5`),
    told: ['entry-column-differs entries/5', 'lookup-surplus lookup/', 'lookup-missing lookup/'],
  },
  {
    what: 'the organization of an entry',
    damage: sql(`update entries set organization = zeroblob(16) where sequence = 8`),
    told: [
      'entry-owner-missing entries/8',
      'entry-column-differs entries/8',
      'lookup-surplus lookup/',
      'lookup-missing lookup/',
    ],
  },
  {
    what: 'an id',
    damage: sql(`update entries set id = randomblob(16) where sequence = 8`),
    told: ['entry-column-differs entries/8'],
  },
  {
    what: 'an id that stands twice',
    damage: (dir) =>
      inDatabase(dir, (db) => {
        withoutRules(db, 'entries');
        db.exec('update entries set id = (select id from entries where sequence = 7) where sequence = 8');
      }),
    told: ['row-repeated entries/id ', 'entry-column-differs entries/8'],
  },
  {
    what: 'a fingerprint without its key',
    damage: sql(`update entries set fingerprint = zeroblob(16) where sequence = 8`),
    told: ['entry-claim-invalid entries/8'],
  },
  {
    what: 'an entry that is gone',
    damage: sql('delete from entries where sequence = 4'),
    told: [
      'entry-missing entries/4',
      'batch-entries-missing batches/2',
      'lookup-surplus lookup/',
      'stamp-place-wrong stamps/2',
    ],
  },
  {
    what: 'an entry exchanged, with its leaf, its root and its tree made anew',
    damage: exchange,
    told: [
      'anchor-root-differs anchors/1:1',
      'entry-altered entries/3',
      'certificate-entry-differs certificates/3:1',
      'stamp-wrong stamps/2',
    ],
    notes: [`blob-unreferenced trees/${roots[2]}`],
  },
  {
    what: 'a byte of a token',
    damage: (dir) =>
      inDatabase(dir, (db) => {
        const token = db.prepare('select token from stamps where first_sequence = 7').pluck().get() as Buffer;
        token[token.length - 1]! ^= 1;
        db.prepare('update stamps set token = ? where first_sequence = 7').run(token);
      }),
    told: ['stamp-wrong stamps/7'],
  },
  {
    what: 'the token of another deposit',
    damage: sql(
      'update stamps set token = (select token from stamps where first_sequence = 8) where first_sequence = 7',
    ),
    told: ['stamp-wrong stamps/7'],
  },
  {
    what: 'a stamp that is gone',
    damage: sql('delete from stamps where first_sequence = 7'),
    told: ['stamp-missing entries/7'],
  },
  {
    what: 'the last stamp',
    damage: sql('delete from stamps where first_sequence = (select max(first_sequence) from stamps)'),
    told: ['stamp-missing entries/'],
  },
  {
    what: 'the number of entries of a call',
    damage: sql('update stamps set count = 4 where first_sequence = 2'),
    told: ['stamp-wrong stamps/2', 'stamp-missing entries/6'],
  },
  {
    what: 'a token that is still to come',
    damage: sql('update stamps set token = null where first_sequence = 8'),
    told: [],
    notes: ['stamp-waiting stamps/8'],
  },
  {
    what: 'certificates of the key that signed the tokens',
    damage: sql(`update signers set chain = '["AAAA"]'`),
    told: ['stamp-wrong stamps/'],
  },
  {
    what: 'all tokens made anew by another key, which stands among the signers',
    damage: (dir) => restamp(dir, other, (_, genTimeMs) => ({ genTimeMs })),
    // Once for the signer; the certificates have the tokens of before.
    told: ['signer-unknown stamps/1'],
  },
  {
    // Its key is not that old either.
    what: 'a token that is an hour earlier than its entries',
    damage: (dir) =>
      restamp(dir, dir, (first, genTimeMs) => ({ genTimeMs: genTimeMs - (first === 2 ? HOUR_MS : 0) })),
    told: ['stamp-too-early stamps/2', 'signer-unknown stamps/2'],
  },
  {
    what: 'a number that two tokens have',
    damage: (dir) =>
      restamp(dir, dir, (first, genTimeMs) => ({ genTimeMs, ...(first === 8 && { serial: 7 }) })),
    told: ['stamp-serial-repeated stamps/8'],
  },
  {
    what: 'tokens that began later than the first of them',
    damage: sql('update stamp_state set stamped_from = 3'),
    told: ['stamp-state-differs stamp_state/*'],
  },
  {
    what: 'the first tokens gone, and the beginning of tokens moved behind them',
    damage: sql('delete from stamps where first_sequence < 7', 'update stamp_state set stamped_from = 7'),
    told: ['stamp-missing entries/1', 'stamp-missing entries/3'],
  },
  {
    what: 'every token gone, and their beginning moved behind the newest entry',
    damage: sql(
      'delete from stamps',
      'update stamp_state set stamped_from = (select max(sequence) + 1 from entries)',
    ),
    told: ['stamp-missing entries/1', 'stamp-missing entries/3', 'stamp-missing entries/7'],
  },
  {
    what: 'tokens that begin beyond the newest entry',
    damage: sql(
      'delete from stamps',
      'delete from certificates',
      'delete from serials',
      'update stamp_state set stamped_from = (select max(sequence) + 2 from entries)',
    ),
    told: ['stamp-state-differs stamp_state/*'],
    notes: ['certificates-none certificates/*'],
  },
  {
    what: 'where tokens began',
    damage: sql('delete from stamp_state'),
    told: ['stamp-state-differs stamp_state/*'],
  },
  {
    what: 'times that were never reserved',
    damage: sql('update stamp_state set reserved_ms = 1'),
    told: ['stamp-state-differs stamp_state/*'],
  },
  {
    what: 'the root of a batch',
    damage: sql(`update batches set root = '${'ab'.repeat(32)}' where number = 3`),
    told: ['batch-root-differs batches/3', 'anchor-root-differs anchors/1:2'],
    notes: [`blob-unreferenced trees/${roots[3]}`],
  },
  {
    what: 'a batch that is gone',
    damage: sql('delete from batches where number = 2'),
    told: ['batch-number-gap batches/2', 'anchor-batch-missing anchors/1:1'],
    notes: [`blob-unreferenced trees/${roots[2]}`],
  },
  {
    what: 'the range of a batch',
    damage: sql('update batches set last_sequence = 5 where number = 2'),
    told: [
      'batch-root-differs batches/2',
      'batch-range-differs batches/3',
      'anchor-root-differs anchors/1:1',
    ],
  },
  {
    what: 'the time and the progress of a batch',
    damage: sql('update batches set oldest_ms = 1, progress = 1 where number = 2'),
    told: ['batch-oldest-differs batches/2', 'batch-progress-differs batches/2'],
  },
  {
    what: 'a byte of a tree',
    damage: (dir) => flip(treePath(dir, roots[2]!), 200),
    told: [`tree-differs trees/${roots[2]}`],
  },
  {
    what: 'a tree that is longer than it was',
    damage: (dir) => appendFileSync(treePath(dir, roots[2]!), 'x'),
    told: [`tree-differs trees/${roots[2]}`],
  },
  {
    what: 'a tree that is gone',
    damage: (dir) => rmSync(treePath(dir, roots[3]!)),
    told: [`tree-missing trees/${roots[3]}`],
  },
  {
    what: 'the index of an anchor',
    damage: sql('update anchors set log_index = 9 where log_index = 4'),
    told: [
      'anchor-index-gap anchors/1:4–8',
      'anchor-order-differs anchors/1:9',
      'anchor-column-differs anchors/1:9',
      'anchor-not-on-chain anchors/1:9',
      'attempt-invalid attempts/5',
      'anchor-unrecorded anchors/1:4',
    ],
  },
  {
    what: 'the proof of an anchor',
    damage: sql(
      `update anchors set proof = replace(proof, substr(proof, instr(proof, '"header"') + 60, 8), '00000000')
       where log_index = 1`,
    ),
    // A header with another parent is a header all the same, of a block with another hash.
    told: ['anchor-column-differs anchors/1:1'],
  },
  {
    what: 'the root in the transaction of a proof',
    damage: (dir) =>
      inDatabase(dir, (db) =>
        db
          .prepare('update anchors set proof = replace(proof, ?, ?) where log_index = 1')
          .run(roots[2], 'ab'.repeat(32)),
      ),
    told: ['anchor-proof-invalid anchors/1:1'],
  },
  {
    what: 'the block of an anchor',
    damage: sql(`update anchors set block_hash = '0x${'ab'.repeat(32)}' where log_index = 1`),
    told: [
      'anchor-column-differs anchors/1:1',
      'anchor-block-differs anchors/1:1',
      'event-detail-differs anchors/1:1',
    ],
  },
  {
    what: 'an anchor that is gone from between others',
    damage: sql(
      'delete from attempts where anchor = 2',
      'delete from anchor_events where anchor = 2',
      'delete from anchors where log_index = 1',
    ),
    told: [
      'anchor-index-gap anchors/1:1',
      'anchor-unrecorded anchors/1:1',
      'batch-progress-differs batches/2',
    ],
  },
  {
    what: 'a log whose rows lead nowhere',
    damage: sql(
      'delete from anchor_events where anchor = 3',
      'update attempts set anchor = 77 where anchor = 3',
    ),
    told: ['attempt-invalid attempts/3', 'event-order-differs anchors/1:2'],
  },
  {
    what: 'an event that is not readable',
    damage: sql(`update anchor_events set detail = '{' where id = 1`),
    told: ['event-invalid anchor_events/1'],
  },
  {
    what: 'a byte of a certificate',
    damage: (dir) =>
      inDatabase(dir, (db) => {
        const bytes = db.prepare('select bytes from certificates where sequence = 3').pluck().get() as Buffer;
        const at = bytes.indexOf('"receipt":"') + 40;
        bytes[at] = bytes[at] === 0x31 ? 0x32 : 0x31;
        db.prepare('update certificates set bytes = ? where sequence = 3').run(bytes);
      }),
    told: ['certificate-check-failed certificates/3:1'],
  },
  {
    what: 'a certificate that cannot be read',
    damage: sql(`update certificates set bytes = x'7b' where sequence = 3`),
    told: ['certificate-unreadable certificates/3:1'],
  },
  {
    what: 'the revision of a certificate',
    damage: sql('update certificates set revision = 3 where sequence = 3'),
    told: ['certificate-column-differs certificates/3:3', 'certificate-revision-gap certificates/3:3'],
  },
  {
    what: 'the number that an entry was given',
    damage: sql('update serials set serial = 900 where sequence = 3'),
    told: [
      'certificate-number-differs certificates/3:1',
      `serial-gap serials/${year}-2`,
      `serial-gap serials/${year}-4–899`,
    ],
  },
  {
    what: 'a number that was given twice',
    damage: (dir) =>
      inDatabase(dir, (db) => {
        withoutRules(db, 'serials');
        db.exec('update serials set serial = 1 where sequence = 3');
      }),
    told: [
      'row-repeated serials/year-serial ',
      'certificate-number-differs certificates/3:1',
      `serial-gap serials/${year}-2`,
    ],
  },
  {
    what: 'an entry that was given two numbers',
    damage: (dir) =>
      inDatabase(dir, (db) => {
        withoutRules(db, 'serials');
        db.exec('insert into serials select sequence, year, 4 from serials where sequence = 3');
      }),
    told: ['row-repeated serials/sequence '],
  },
  {
    what: 'a certificate that is gone with its number',
    damage: sql('delete from certificates where sequence = 3', 'delete from serials where sequence = 3'),
    told: [`serial-gap serials/${year}-2`],
  },
  {
    what: 'a number whose certificate was never kept',
    damage: sql('delete from certificates where sequence = 3'),
    told: [],
    notes: [`serial-unused serials/${year}-2`],
  },
  {
    what: 'every certificate and every number',
    damage: sql('delete from certificates', 'delete from serials'),
    told: [],
    notes: ['certificates-none certificates/*'],
  },
  {
    what: 'a bulk call that leads to what it made',
    damage: bulkCall('2, 5, received_ms'),
    told: [],
  },
  {
    what: 'a bulk call all of whose lines were refused',
    damage: bulkCall('900, 0, received_ms'),
    told: [],
  },
  {
    what: 'a bulk call that leads to more than there is',
    damage: bulkCall('2, 500, received_ms'),
    told: ['bulk-call-differs bulk_calls/'],
  },
  {
    what: 'a bulk call that leads to nothing',
    damage: bulkCall('77, 5, received_ms'),
    told: ['bulk-call-differs bulk_calls/'],
  },
  {
    what: 'a bulk call that leads to entries of another time',
    damage: bulkCall('2, 5, received_ms + 3600000'),
    told: ['bulk-call-differs bulk_calls/'],
  },
  {
    what: 'a bulk call that leads to entries of another organization',
    damage: (dir) => {
      bulkCall('2, 5, received_ms')(dir);
      inDatabase(dir, (db) =>
        db.exec(`insert into organizations values (x'${'ab'.repeat(16)}', '他人', 'depositor', null, 1);
          update bulk_calls set organization = x'${'ab'.repeat(16)}'`),
      );
    },
    told: ['bulk-call-differs bulk_calls/'],
  },
  {
    what: 'a reorganisation that never was',
    damage: sql(
      `insert into anchor_events (anchor, at_ms, event, detail)
       select anchor, at_ms, 'reorganised', detail from anchor_events where anchor = 2 and event = 'mined'`,
    ),
    told: ['event-order-differs anchors/1:1'],
  },
  {
    what: 'a history without its end',
    damage: sql(`delete from anchor_events where anchor = 2 and event = 'final'`),
    told: ['event-order-differs anchors/1:1'],
  },
  {
    what: 'a history whose order is another',
    damage: sql(`update anchor_events set id = 1000 where anchor = 2 and event = 'mined'`),
    told: ['event-order-differs anchors/1:1'],
  },
  {
    what: 'another block in a history',
    damage: sql(
      `update anchor_events set detail = json_set(detail, '$.blockHash', '0x12') where anchor = 2 and event = 'mined'`,
    ),
    told: ['event-detail-differs anchors/1:1'],
  },
  {
    what: 'a history that is a year too old',
    damage: sql('update anchor_events set at_ms = at_ms - 31536000000 where anchor = 2'),
    told: ['event-time-differs anchors/1:1', 'event-detail-differs anchors/1:1'],
  },
  {
    what: 'a signed transaction that is gone',
    damage: sql('delete from attempts where anchor = 2'),
    told: ['attempt-event-differs anchors/1:1'],
  },
  {
    what: 'a sending that is gone from the history',
    damage: sql(`delete from anchor_events where anchor = 2 and event = 'sent'`),
    told: ['attempt-event-differs anchors/1:1'],
  },
  {
    what: 'an anchor that was never sent by us, as after a restore',
    damage: sql(
      'delete from attempts where anchor = 2',
      `delete from anchor_events where anchor = 2 and event = 'sent'`,
    ),
    told: [],
  },
  {
    what: 'an anchor that somebody else’s transaction brought into the log',
    damage: (dir) =>
      inDatabase(dir, (db) => {
        const sent = db.prepare('select raw from attempts where anchor = 2').pluck().get() as string;
        const { transactionHash, raw } = dearer(sent);
        db.prepare('update attempts set transaction_hash = ?, raw = ? where anchor = 2').run(
          transactionHash,
          raw,
        );
        db.prepare(
          `update anchor_events set detail = json_set(detail, '$.transactionHash', ?)
           where anchor = 2 and event = 'sent'`,
        ).run(transactionHash);
      }),
    told: [],
    notes: ['anchor-adopted anchors/1:1'],
  },
  {
    what: 'a batch that was sealed before its entries came',
    damage: sql('update batches set sealed_ms = sealed_ms - 3600000 where number = 2'),
    told: ['batch-sealed-early batches/2'],
  },
  {
    what: 'a batch that was sealed after its block',
    damage: sql('update batches set sealed_ms = sealed_ms + 3600000 where number = 2'),
    told: ['anchor-time-differs anchors/1:1', 'event-time-differs anchors/1:1'],
  },
  {
    what: 'a byte of a stored file',
    damage: (dir) => flip(filePath(dir, FILE), 3),
    // Two entries name it.
    told: [`file-differs files/${FILE}`, `file-differs files/${FILE}`],
  },
  {
    what: 'a stored file that was cut',
    damage: (dir) => writeFileSync(filePath(dir, FILE), 'x'),
    told: [`file-size-differs files/${FILE}`, `file-size-differs files/${FILE}`],
  },
  {
    what: 'a stored file that is gone',
    damage: (dir) => rmSync(filePath(dir, sha256('另一个文件'))),
    told: [`file-missing files/${sha256('另一个文件')}`],
  },
  {
    what: 'files that nobody refers to, and one that cannot be there',
    damage: (dir) => {
      mkdirSync(join(dir, 'blobs', 'files', 'ff'), { recursive: true });
      writeFileSync(filePath(dir, 'ff'.repeat(32)), 'x');
      writeFileSync(join(dir, 'blobs', 'files', 'ff', 'note.txt'), 'x');
    },
    told: [],
    notes: [`blob-unreferenced files/${'ff'.repeat(32)}`, 'blob-name-invalid files/ff/note.txt'],
  },
  {
    what: 'a temporary file',
    damage: (dir) => writeFileSync(join(dir, 'blobs', 'tmp', '4194999-abc'), 'x'),
    told: [],
    notes: ['temporary-file tmp/4194999-abc'],
  },
  {
    what: 'rows of the look-up',
    damage: sql(
      'delete from lookup where sequence = 3',
      'insert into lookup values (1, 0, 12345, 4)',
      'update lookup_state set merged_through = 8',
    ),
    told: ['lookup-missing lookup/', 'lookup-surplus lookup/1:0:12345:4'],
  },
  {
    what: 'the mark of the look-up',
    damage: sql('update lookup_state set merged_through = 1000'),
    told: ['lookup-mark-wrong lookup_state/*'],
  },
  {
    what: 'a key of nobody',
    damage: sql('update api_keys set organization = zeroblob(16)'),
    told: ['key-owner-missing api_keys/'],
  },
  {
    what: 'a file that the service found damaged',
    damage: sql(
      `insert or replace into fixity (sha256, sm3, size, result, since_ms) values (x'${FILE}', zeroblob(32), 1, 'missing', 5)`,
    ),
    told: [`fixity-bad fixity/${FILE}`],
  },
  {
    what: 'pages of the database itself',
    damage: (dir) => {
      const path = join(dir, 'kezheng.sqlite');
      const bytes = readFileSync(path);
      // The look-up holds nothing that cannot be made again; its tree of pages is broken here.
      inDatabase(dir, (db) => {
        const page = db
          .prepare("select rootpage from sqlite_schema where name = 'lookup'")
          .pluck()
          .get() as number;
        bytes.fill(0xff, (page - 1) * 4096, page * 4096);
      });
      writeFileSync(path, bytes);
    },
    told: ['database-damaged database/', 'table-unreadable lookup/*'],
  },
];

/** Keys that hold what a run draws by chance are compared by their beginning. */
function sameTold(t: Test, told: readonly string[], expected: readonly string[], what: string): void {
  const shortened = told.map((one) => {
    const known = expected.find((wanted) => one.startsWith(wanted) && /[/ ]$/.test(wanted));
    return known ?? one;
  });
  t.strictSame([...new Set(shortened)].sort(), [...new Set(expected)].sort(), what);
}

for (const { what, damage, told, notes } of DAMAGES)
  t.test(`named, and nothing else: ${what}`, async (t) => {
    const dir = copyOf(t, made);
    damage(dir);
    const looked = await look(dir, { rpcUrl });
    sameTold(t, looked.told, told, 'findings');
    sameTold(t, looked.notes, notes ?? [], 'notes');
    for (const finding of looked.findings)
      if (finding.severity === 'error')
        t.ok(
          finding.reason ?? finding.expected ?? finding.found ?? /missing|gap/.test(finding.code),
          finding.code,
        );
  });

t.test('without a node it says that nothing was compared with the chain', async (t) => {
  const { told, notes, unread } = await look(made.dataDir);
  t.strictSame(told, []);
  t.strictSame(notes, ['chain-not-asked chain/*']);
  t.equal(unread, 1, 'and that this was not looked at');
});

t.test('where nobody knows whose keys may sign, that was not looked at', async (t) => {
  const { told, notes, unread } = await look(made.dataDir, { rpcUrl, stampers: [] });
  t.strictSame([told, notes, unread], [[], ['signers-not-known signers/*'], 1], 'once for all tokens');
  const { issuers } = parseTrust(readFileSync(join(made.dataDir, 'trust.json')));
  const listed = await look(made.dataDir, { rpcUrl, stampers: issuers });
  t.strictSame([listed.told, listed.notes], [[], []], 'a trust list knows them');
});

t.test('a quick look finds the keys of others too', async (t) => {
  const dir = copyOf(t, made);
  restamp(dir, other, (_, genTimeMs) => ({ genTimeMs }));
  t.strictSame((await look(dir, { rpcUrl, thorough: false })).told, ['signer-unknown stamps/1']);
});

t.test('a quick look does not read the bytes of files', async (t) => {
  const dir = copyOf(t, made);
  flip(filePath(dir, FILE), 3);
  t.strictSame((await look(dir, { rpcUrl, thorough: false })).told, []);
});

t.test(
  'a chain that cannot be asked, is another one, or contradicts itself is no finding of ours',
  async (t) => {
    const away = await look(made.dataDir, { rpcUrl: 'http://127.0.0.1:9' });
    t.strictSame(away.told, []);
    t.match(away.unreadParts, [/^chain: /]);
    const proxy = await rpcProxy(t, rpcUrl);
    proxy.on('eth_chainId', () => '0x1');
    const other = await look(made.dataDir, { rpcUrl: proxy.url });
    t.strictSame(other.told, []);
    t.strictSame(other.notes, ['log-on-other-chain logs/1']);
    t.equal(other.unread, 1);
    proxy.off('eth_chainId');
    proxy.on('eth_getBlockByNumber', ([tag], forward) => (tag === 'finalized' ? null : forward()));
    t.match((await look(made.dataDir, { rpcUrl: proxy.url })).unreadParts, [/^chain: /]);
    proxy.off('eth_getBlockByNumber');
    for (const answer of [7, null, 'x', {}, []]) {
      proxy.on('eth_call', () => answer);
      t.match((await look(made.dataDir, { rpcUrl: proxy.url })).unreadParts, [/^chain: /], String(answer));
    }
    proxy.off('eth_call');
    proxy.on('eth_getCode', () => '0x6000');
    t.strictSame((await look(made.dataDir, { rpcUrl: proxy.url })).told, ['contract-differs logs/1']);
  },
);

t.test('a chain without the blocks that anchors stand in is named, block by block', async (t) => {
  const proxy = await rpcProxy(t, rpcUrl);
  const wanted = await rpc<{ number: string }>(rpcUrl, 'eth_getBlockByNumber', 'finalized', false);
  let number = 0;
  inDatabase(made.dataDir, (db) => {
    number = db.prepare('select block_number from anchors where log_index = 1').pluck().get() as number;
  });
  t.ok(number < Number(wanted.number));
  proxy.on('eth_getBlockByNumber', async ([tag], forward) => {
    const block = (await forward()) as object;
    return Number(tag) === number ? { ...block, hash: `0x${'cd'.repeat(32)}` } : block;
  });
  const { told } = await look(made.dataDir, { rpcUrl: proxy.url });
  t.ok(told.includes('anchor-block-differs anchors/1:1'));
  t.ok(
    told.every((one) => /^(?:anchor-block-differs anchors|certificate-check-failed certificates)/.test(one)),
  );
});

t.test('a root on the chain that is not ours is named by its index', async (t) => {
  const { url } = made.anvil;
  const revert = await rpc<string>(url, 'evm_snapshot');
  const chain = openChain(t, { rpcUrls: [url] });
  await append(chain, 5, 3);
  await made.anvil.mine(4);
  const { told } = await look(made.dataDir, { rpcUrl });
  t.strictSame(told, ['log-root-foreign anchors/1:5']);
  const proxy = await rpcProxy(t, rpcUrl);
  proxy.on('eth_getLogs', () => []);
  const blind = await look(made.dataDir, { rpcUrl: proxy.url });
  t.strictSame(blind.told, ['log-state-differs logs/1'], 'the state alone shows that something differs');
  t.strictSame(blind.notes, ['events-incomplete logs/1']);
  await rpc(url, 'evm_revert', revert);
});

t.test(
  'a later certificate must not lose an anchor: an event that nobody can check is no excuse',
  async (t) => {
    const dir = copyOf(t, made);
    const lost = ({ findings }: Looked) =>
      findings
        .filter(({ code, key }) => code === 'certificate-revision-loses' && key === '3:2')
        .map(({ expected }) => String(expected));
    const losesAnchor = (looked: Looked) => lost(looked).some((key) => !key.startsWith('token:'));
    inDatabase(dir, (db) => {
      db.exec(
        `insert into certificates select 3, 2, issued_ms, anchor_keys, bytes from certificates where sequence = 7`,
      );
    });
    const asked = await look(dir, { rpcUrl });
    t.ok(losesAnchor(asked));
    t.equal(lost(asked).length, 2, 'nor its token, which nothing takes back');
    const happened = (was: string) =>
      inDatabase(dir, (db) =>
        db.exec(`insert into anchor_events (anchor, at_ms, event, detail)
        select anchor, at_ms, 'reorganised', ${was} from anchor_events where anchor = 2 and event = 'mined'`),
      );
    happened('detail');
    t.ok(losesAnchor(await look(dir)), 'it had not been final, so no certificate had it');
    happened(`json_set(detail, '$.wasFinal', 1)`);
    t.ok(losesAnchor(await look(dir, { rpcUrl })), 'the chain has this block');
    const blind = await look(dir);
    t.notOk(losesAnchor(blind), 'without a chain nobody can tell');
    t.ok(blind.told.includes('event-order-differs anchors/1:1'), 'but the history cannot have gone so');
  },
);

/** Everything in the tables, as text, but what may change. */
function contents(dir: string): string {
  let text = '';
  inDatabase(dir, (db) => {
    for (const table of [
      'entries',
      'batches',
      'anchors',
      'certificates',
      'serials',
      'lookup',
      'organizations',
    ]) {
      const rows = db.prepare(`select * from ${table}`).all() as Record<string, unknown>[];
      // The history of a repaired anchor is new, and so is its number.
      for (const { id, final_ms, confirmations, required, ...row } of rows)
        text += `${table} ${JSON.stringify(row)}\n`;
    }
  });
  return text.split('\n').sort().join('\n');
}

const REPAIRS: readonly { what: string; damage: (dir: string) => void; repairs: readonly RegExp[] }[] = [
  {
    what: 'the last anchor, which the chain has',
    damage: sql(
      'delete from attempts where anchor = 5',
      'delete from anchor_events where anchor = 5',
      'delete from anchors where log_index = 4',
      'update batches set progress = 1 where number = 5',
    ),
    repairs: [/^anchor-unrecorded anchors\/1:4$/],
  },
  {
    what: 'an anchor that was signed and never seen again',
    damage: sql(
      `update anchors set state = 'planned', transaction_hash = null, block_number = null, block_hash = null,
       block_time = null, final_ms = null, proof = null where log_index = 4`,
      'update batches set progress = 1 where number = 5',
    ),
    repairs: [/^anchor-behind anchors\/1:4$/],
  },
  {
    what: 'a temporary file',
    damage: (dir) => writeFileSync(join(dir, 'blobs', 'tmp', '4194999-abc'), 'x'),
    repairs: [/^temporary-file tmp\/4194999-abc$/],
  },
  {
    what: 'a missing tree',
    damage: (dir) => rmSync(treePath(dir, roots[2]!)),
    repairs: [/^tree-missing trees\//],
  },
  {
    what: 'missing rows of the look-up',
    damage: sql('delete from lookup where sequence in (3, 4)'),
    repairs: [/^lookup-missing lookup\/1:0:/, /^lookup-missing lookup\/1:0:/],
  },
];

for (const { what, damage, repairs } of REPAIRS)
  t.test(`--repair sets right, whole, and a second look is clean: ${what}`, async (t) => {
    const dir = copyOf(t, made);
    const before = contents(dir);
    damage(dir);
    const repaired = await look(dir, { rpcUrl, repair: true });
    t.equal(repaired.repairs.length, repairs.length);
    for (const [i, pattern] of repairs.entries()) t.match(repaired.repairs[i], pattern);
    const again = await look(dir, { rpcUrl, repair: true });
    t.strictSame([again.told, again.notes, again.repairs], [[], [], []]);
    t.equal(contents(dir), before, 'as it was');
    t.strictSame(readFileSync(treePath(dir, roots[2]!)), readFileSync(treePath(made.dataDir, roots[2]!)));
  });

/** What a repair must leave as it is: whatever it could do would be a guess. */
const LEFT_ALONE: readonly string[] = [
  'a byte of an entry',
  'a leaf',
  'the column of digests',
  'an entry exchanged, with its leaf, its root and its tree made anew',
  'the root of a batch',
  'a batch that is gone',
  'a byte of a tree',
  'an anchor that is gone from between others',
  'the index of an anchor',
  'a byte of a certificate',
  'a number that was given twice',
  'a byte of a stored file',
  'a stored file that is gone',
];

for (const { what, damage } of DAMAGES.filter((one) => LEFT_ALONE.includes(one.what)))
  t.test(`--repair leaves to people: ${what}`, async (t) => {
    const dir = copyOf(t, made);
    damage(dir);
    const before = contents(dir);
    const first = await look(dir, { rpcUrl, repair: true });
    t.ok(first.repairs.every((one) => one.startsWith('lookup-missing ')));
    const [rows, kept] = [contents(dir), before].map((text) =>
      text.split('\n').filter((row) => !row.startsWith('lookup ')),
    );
    t.strictSame(rows, kept);
    t.ok((await look(dir, { rpcUrl, repair: true })).errors > 0);
  });

t.test('a missing tree is not made anew where nothing proves its root', async (t) => {
  const dir = copyOf(t, made);
  rmSync(treePath(dir, exchange(dir)));
  rmSync(treePath(dir, roots[2]!));
  const { told, repairs } = await look(dir, { rpcUrl, repair: true });
  t.ok(told.some((one) => one.startsWith('tree-missing trees/')));
  t.strictSame(repairs, []);
});
