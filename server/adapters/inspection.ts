import { createECDH } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { keccak256 } from '../core/hash/keccak.ts';
import { toHex } from '../core/read/bytes.ts';
import type { EthereumHeaderAnchor, LogIdentity } from '../ports/chain.ts';
import type { BlobInspector, Inspector, LookupRepairs } from '../ports/inspect.ts';
import { isBucket } from './cold.ts';
import { openFolderInspector } from './folder/inspect.ts';
import { openSqliteInspector, sqliteLookupRepairs } from './sqlite/inspect.ts';
import { nearFolder, type StorageSettings, sqlitePath } from './storage.ts';
import { tieredInspector } from './tiered/inspect.ts';

/** What `fsck` opens: everything for reading only, wherever the installation keeps it. */
export interface Inspection {
  readonly inspector: Inspector;
  readonly blobs: BlobInspector;
  readonly lookup: LookupRepairs;
  close(): Promise<void>;
}

/** What speaks to other servers is loaded only where it is used. */
export async function openInspection(settings: StorageSettings): Promise<Inspection> {
  const { inspector, lookup } = await databaseOf(settings);
  const files = await filesOf(settings);
  return {
    inspector,
    lookup,
    blobs: files,
    async close() {
      files.close();
      await inspector.close();
    },
  };
}

async function databaseOf({
  dataDir,
  databaseUrl: url,
}: StorageSettings): Promise<Pick<Inspection, 'inspector' | 'lookup'>> {
  if (url !== undefined) {
    const postgres = await import('./postgres/inspect.ts');
    return {
      inspector: postgres.openPostgresInspector({ url }),
      lookup: postgres.postgresLookupRepairs({ url }),
    };
  }
  const path = sqlitePath(dataDir);
  return { inspector: openSqliteInspector({ path }), lookup: sqliteLookupRepairs({ path }) };
}

type OpenInspector = BlobInspector & { close(): void };

async function filesOf({ dataDir, blobs, coldBlobs }: StorageSettings): Promise<OpenInspector> {
  const near = await placeOf(blobs ?? nearFolder(dataDir));
  if (coldBlobs === undefined) return near;
  const far = await placeOf(coldBlobs);
  return {
    ...tieredInspector(near, far),
    close() {
      near.close();
      far.close();
    },
  };
}

async function placeOf(place: string): Promise<OpenInspector> {
  if (isBucket(place)) return (await import('./s3/inspect.ts')).openS3Inspector(place);
  return { ...openFolderInspector({ dir: place }), close() {} };
}

interface Artifact {
  readonly runtimeBytecode: string;
  readonly create2: { readonly address: string };
}

const artifact = (): Artifact =>
  JSON.parse(readFileSync(new URL('../../contracts/EvidenceLog.json', import.meta.url), 'utf8'));

/** What must stand at the address of a log's contract. */
export const contractCode = (): string => artifact().runtimeBytecode;

/** Where the contract is when no other address is configured. */
export const contractAddress = (): string => artifact().create2.address;

const OPERATOR_KEY = /^0x[0-9a-fA-F]{64}$/;

/** The account of a private key: the last 20 bytes of Keccak-256 over its public point; undefined where it is none. */
export function operatorOf(key: string): string | undefined {
  if (!OPERATOR_KEY.test(key)) return undefined;
  const pair = createECDH('secp256k1');
  try {
    pair.setPrivateKey(Buffer.from(key.slice(2), 'hex'));
  } catch {
    // Zero, or not below the order of the curve.
    return undefined;
  }
  // Uncompressed, behind a byte that says so.
  return `0x${toHex(keccak256(pair.getPublicKey().subarray(1)).subarray(-20))}`;
}

const TIMEOUT_MS = 15_000;

/** Proves one append from what a node says of its block; the library for it is loaded only where it is used. */
export async function proveWith(
  url: string,
  log: LogIdentity,
  append: Parameters<typeof import('./evm/prove.ts')['proveAppend']>[2],
): Promise<EthereumHeaderAnchor> {
  const [{ proveAppend }, { openNode }] = await Promise.all([
    import('./evm/prove.ts'),
    import('./evm/rpc.ts'),
  ]);
  const node = openNode(url, TIMEOUT_MS);
  try {
    return await proveAppend(node, log, append);
  } finally {
    node.close();
  }
}
