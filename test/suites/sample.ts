import { createHash, randomBytes } from 'node:crypto';
import { leafHash } from '../../server/core/tree/tree.ts';
import type { LogIdentity, SignedAppend } from '../../server/ports/chain.ts';
import type { JournalEntry, Store } from '../../server/ports/store.ts';

/** Made-up but well-formed values for tests of adapters: whatever is not given is random. */
export const DAY_MS = 86_400_000;
export const NOW_MS = 1_800_000_000_000;

let made = 0;

/** A UUIDv7 of this millisecond; of two, the later made is the greater. */
export function idAt(ms: number): string {
  const time = ms.toString(16).padStart(12, '0');
  const count = (++made % 2 ** 26).toString(16).padStart(7, '0');
  const hex = `${time}7${count.slice(0, 3)}8000${count.slice(3)}${randomBytes(4).toString('hex')}`;
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20)}`;
}

export const digest = (): string => randomBytes(32).toString('hex');

export const fingerprintOf = (text: string): string =>
  createHash('sha256').update(text).digest('hex').slice(0, 32);

export function entryOf(organization: string, given: Partial<JournalEntry> = {}): JournalEntry {
  const receivedMs = given.receivedMs ?? NOW_MS;
  const entry = given.entry ?? JSON.stringify({ salt: randomBytes(16).toString('hex'), title: '证据' });
  const leaf = leafHash(Buffer.from(entry, 'utf8'));
  return { id: idAt(receivedMs), organization, fileDigests: [digest()], leaf, ...given, receivedMs, entry };
}

export async function addOrganization(store: Store, createdMs = NOW_MS): Promise<string> {
  const id = idAt(createdMs);
  await store.addOrganization({ id, name: '甲', role: 'depositor', uscc: undefined, createdMs });
  return id;
}

export const logOf = (operator = 'aa'): LogIdentity => ({
  chainId: 31337,
  genesisHash: `0x${'11'.repeat(32)}`,
  contract: `0x${'22'.repeat(20)}`,
  operator: `0x${operator.repeat(20)}`,
});

export const attemptOf = (nonce: number): SignedAppend => ({
  transactionHash: `0x${digest()}`,
  raw: '0x02ff',
  nonce,
  maxFeePerGas: '1000000000000',
  maxPriorityFeePerGas: '1',
});
