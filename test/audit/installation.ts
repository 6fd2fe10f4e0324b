import { cpSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import Database from 'better-sqlite3';
import type { Test } from 'tap';
import { contractCode, openInspection, proveWith } from '../../server/adapters/inspection.ts';
import { nodeSignatures } from '../../server/adapters/signatures-node.ts';
import { openSqliteStore } from '../../server/adapters/sqlite/store.ts';
import { openBlobs, openDatabase } from '../../server/adapters/storage.ts';
import type { Rpc } from '../../server/audit/chain.ts';
import { NotReadable } from '../../server/audit/chain.ts';
import type { Expectation } from '../../server/audit/expected.ts';
import { type Finding, listening, type Outcome } from '../../server/audit/finding.ts';
import { fsck } from '../../server/audit/fsck.ts';
import { certificatesIn } from '../../server/cli/pem.ts';
import { parseTrust, type Trust } from '../../server/core/verify/trust.ts';
import { startWithContract, type TestAnvil } from '../support/anvil.ts';
import { type Configured, configured, until, untilCertified, untilState } from '../support/configured.ts';
import { rpc } from '../support/rpc-proxy.ts';
import { body, form, hashOnly } from '../support/running.ts';

/* A real installation with some batches, certificates and files, made by the service itself on a real chain. */

export interface Installation {
  readonly dataDir: string;
  readonly anvil: TestAnvil;
  /** ids of entries 1 to 8 */
  readonly ids: readonly string[];
}

/** Entries 1 (with a file and a key), 2–6 (one call), 7 (with two files) and 8 in four batches; 1, 3 and 7 certified. */
export async function install(t: Test): Promise<Installation & { readonly service: Configured }> {
  const anvil = await startWithContract(t);
  const service = await configured(t, { rpcUrl: anvil.url });
  const ids: string[] = [];
  const certified = async (id: string): Promise<void> => {
    await untilState(service, id, 'anchoring');
    await anvil.mine(4);
    await untilCertified(service, id);
  };
  const upload = async (title: string, files: readonly string[], key?: string): Promise<string> => {
    const answer = await service.call('/v1/evidence', {
      method: 'POST',
      body: form(
        { title },
        files.map((text, i) => ({ name: `f${i}`, bytes: Buffer.from(text) })),
      ),
      ...(key && { headers: { 'idempotency-key': key } }),
    });
    if (answer.status !== 201) throw new Error(`upload: ${answer.status} ${await answer.text()}`);
    return (await body(answer)).id;
  };
  ids.push(await upload('一', ['第一个文件'], 'key-1'));
  await certified(ids[0]!);
  const lines = [1, 2, 3, 4, 5].map((n) => JSON.stringify(hashOnly(n))).join('\n');
  const headers = { 'content-type': 'application/x-ndjson' };
  const bulk = await service.call('/v1/evidence/bulk', { method: 'POST', body: lines, headers });
  for (const line of (await bulk.text()).trim().split('\n')) ids.push(JSON.parse(line).id);
  await certified(ids[2]!);
  ids.push(await upload('三', ['另一个文件', '第一个文件']));
  await certified(ids[6]!);
  ids.push(await service.deposit(9));
  await untilState(service, ids[7]!, 'anchoring');
  await anvil.mine(4);
  await untilState(service, ids[7]!, 'anchored');
  return { dataDir: service.dataDir, anvil, ids, service };
}

/** Everything that waits in memory for the look-up table goes there, so that there is a table to be damaged. */
export async function mergeLookup(dataDir: string): Promise<void> {
  const path = join(dataDir, 'kezheng.sqlite');
  const store = await openSqliteStore({ path, clock: { nowMs: () => Date.now() }, slice: 1 });
  const db = new Database(path, { readonly: true });
  await until('a merged look-up', async () => {
    await store.probe();
    const sql = 'select merged_through = (select max(sequence) from entries) from lookup_state';
    return db.prepare(sql).pluck().get() === 1;
  });
  db.close();
  await store.close();
}

/** A copy of it to be damaged. */
export function copyOf(t: Test, { dataDir }: Pick<Installation, 'dataDir'>): string {
  const folder = mkdtempSync(join(tmpdir(), 'kezheng-audit-'));
  cpSync(dataDir, folder, { recursive: true });
  t.teardown(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Straight into the tables, past every rule that the schema would hold. */
export function inDatabase(dataDir: string, work: (db: Database.Database) => void): void {
  const db = new Database(join(dataDir, 'kezheng.sqlite'));
  db.pragma('foreign_keys = OFF');
  db.pragma('ignore_check_constraints = ON');
  try {
    work(db);
  } finally {
    db.close();
  }
}

export const node = (url: string): Rpc => ({
  name: new URL(url).host,
  call: (method, params) =>
    rpc(url, method, ...params).catch((error) => {
      throw new NotReadable(method, error);
    }),
});

export interface Looked extends Omit<Outcome, 'notes'> {
  readonly findings: readonly Finding[];
  /** `code table/key`, without notes */
  readonly told: readonly string[];
  readonly notes: readonly string[];
  readonly repairs: readonly string[];
  readonly unreadParts: readonly string[];
}

interface Options {
  readonly rpcUrl?: string;
  readonly repair?: boolean;
  readonly thorough?: boolean;
  /** which logs must be there; those of its own trust list, as if somebody had kept that elsewhere, where undefined */
  readonly expected?: Expectation;
  /** what the operator's own tokens must lead to; its own certificate where undefined */
  readonly stampers?: Trust['issuers'];
  /** whose roots are known; those of its own trust list where undefined */
  readonly authorities?: Trust['authorities'];
  /** settings that say where the data are, where not in the folder */
  readonly storage?: Readonly<Record<string, string>>;
}

/** The installation's own, read before anything is damaged that stands in the database. */
const stampersIn = (dataDir: string): Trust['issuers'] => [
  { name: 'tsa.cert.pem', certificates: certificatesIn(readFileSync(join(dataDir, 'tsa.cert.pem'), 'utf8')) },
];

/** What fsck says of an installation. */
export async function look(dataDir: string, options: Options = {}): Promise<Looked> {
  const { rpcUrl, repair = false, thorough = true } = options;
  const storage = {
    dataDir,
    databaseUrl: options.storage?.['KEZHENG_DATABASE_URL'],
    blobs: options.storage?.['KEZHENG_BLOBS'],
  };
  const findings: Finding[] = [];
  const repairs: string[] = [];
  const unreadParts: string[] = [];
  const report = listening({
    found: (finding) => void findings.push(finding),
    repaired: (code, { table, key }) => void repairs.push(`${code} ${table}/${key}`),
    unread: (part, why) => void unreadParts.push(`${part}: ${why}`),
  });
  const inspection = await openInspection(storage);
  const nowMs = Date.now();
  const database = repair ? await openDatabase(storage, { nowMs: () => nowMs }) : undefined;
  const trust = parseTrust(readFileSync(join(dataDir, 'trust.json')));
  await fsck({
    ...inspection,
    signatures: nodeSignatures,
    issuers: trust.issuers,
    stampers: options.stampers ?? stampersIn(dataDir),
    authorities: options.authorities ?? trust.authorities,
    expected: options.expected ?? { logs: trust.logs, fromData: false },
    nodes: rpcUrl === undefined ? [] : [node(rpcUrl)],
    confirmations: undefined,
    contractCode: contractCode(),
    thorough,
    nowMs,
    report,
    repairs: database && {
      store: database.store,
      blobs: {
        async keep(...given) {
          const blobs = await openBlobs(storage);
          await blobs.keep(...given);
          await blobs.close();
        },
      },
      lookup: inspection.lookup,
      prove: (log, append) => proveWith(rpcUrl!, log, append),
      nowMs,
    },
  });
  await inspection.close();
  await database?.close();
  const named = (one: Finding): string => `${one.code} ${one.table}/${one.key}`;
  return {
    ...report.outcome(),
    findings,
    told: findings.filter(({ severity }) => severity !== 'note').map(named),
    notes: findings.filter(({ severity }) => severity === 'note').map(named),
    repairs,
    unreadParts,
  };
}
