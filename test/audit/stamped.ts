import type { Test } from 'tap';
import { askingOf, startAuthority } from '../support/authorities.ts';
import { until } from '../support/configured.ts';
import { body, certificateOf, hashOnly, type Running, run } from '../support/running.ts';

/* An installation whose first batch an outside authority has stamped, and what can be wrong with that. */

export interface Stamped {
  readonly service: Running;
  readonly batch: number;
  /** of the entry that holds the token's digest */
  readonly sequence: number;
}

/** Entry 1 deposited and certified, stamped; entry 2 the token's digest, in a batch that is final too. */
export async function stampedInstallation(t: Test): Promise<Stamped> {
  const one = await startAuthority(t, { revocation: 'crl' });
  const service = await run(askingOf(t.testdir(), [one.entry('甲')], [one.port]));
  const { id } = await body(service.call('/v1/evidence', { json: hashOnly(1) }));
  const batch = 1;
  await until('the digest in the log', async () => {
    const { tokens } = await body(service.call(`/v1/batches/${batch}`));
    const entry = tokens?.[0]?.entry;
    return entry && (await body(service.call(`/v1/batches/${entry.batch}`))).state === 'anchored';
  });
  await certificateOf(service, id);
  return { service, batch, sequence: 2 };
}

type Run = (sql: string, ...values: readonly unknown[]) => Promise<unknown>;

interface Damage {
  readonly what: string;
  /** `?` stands for each value */
  readonly damage: (run: Run) => Promise<unknown>;
  /** keys that differ from run to run end where the slash does */
  readonly told: readonly string[];
}

export const TOKEN_DAMAGES: readonly Damage[] = [
  {
    what: 'a token is deleted that an entry names',
    damage: (run) => run('delete from batch_tokens'),
    told: ['batch-token-missing entries/2'],
  },
  {
    what: 'a token is replaced by other bytes',
    damage: (run) => run('update batch_tokens set token = ?', Buffer.from('3000', 'hex')),
    told: ['batch-token-invalid batch_tokens/2', 'batch-token-entry-differs batch_tokens/2'],
  },
  {
    what: 'a token is said to be of another index',
    damage: (run) => run('update batch_tokens set log_index = 7'),
    told: ['batch-token-place-differs batch_tokens/2', 'batch-token-invalid batch_tokens/2'],
  },
  {
    what: 'a token is said to be of another operator',
    damage: (run) => run('update batch_tokens set operator = ?', `0x${'00'.repeat(20)}`),
    told: ['batch-token-place-differs batch_tokens/2', 'batch-token-invalid batch_tokens/2'],
  },
  {
    what: 'a token is said to be of a batch that there is not',
    damage: (run) => run('update batch_tokens set batch = 99'),
    told: ['batch-token-batch-missing batch_tokens/2', 'batch-token-entry-differs batch_tokens/2'],
  },
  {
    what: 'a token is said to be of somebody else',
    damage: (run) => run("update batch_tokens set label = 'x'"),
    told: ['batch-token-entry-differs batch_tokens/2'],
  },
  {
    what: 'a token names another entry',
    damage: (run) => run('update batch_tokens set sequence = 1'),
    told: ['batch-token-entry-differs batch_tokens/1', 'batch-token-missing entries/2'],
  },
  {
    what: 'a token names an entry that there is not',
    damage: (run) => run('update batch_tokens set sequence = 99'),
    told: ['batch-token-entry-missing batch_tokens/99', 'batch-token-missing entries/2'],
  },
  {
    what: 'what came with a token is gone',
    damage: (run) => run("delete from token_evidence where kind = 'crl'"),
    told: ['token-evidence-missing token_evidence/'],
  },
  {
    what: 'what came with a token has changed',
    damage: (run) =>
      run("update token_evidence set value = ? where kind = 'crl'", Buffer.from('3000', 'hex')),
    told: ['token-evidence-differs token_evidence/'],
  },
  {
    what: 'what came with a token is said to be of another kind',
    damage: (run) => run("update token_evidence set kind = 'ocsp' where kind = 'crl'"),
    told: ['token-evidence-invalid token_evidence/'],
  },
  {
    what: 'a certificate that came with a token is said to be a list',
    damage: (run) => run("update token_evidence set kind = 'crl' where kind = 'certificate'"),
    told: ['token-evidence-invalid token_evidence/'],
  },
  {
    what: 'nothing came with a token',
    damage: (run) => run("update batch_tokens set evidence = '[]'"),
    told: ['batch-token-chain-missing batch_tokens/2'],
  },
  {
    what: 'an authority is to be asked for a batch that is far away',
    damage: (run) => run('update authorities set next_batch = 900'),
    told: ['authority-progress-differs authorities/'],
  },
  {
    what: 'an authority is to be asked for no batch',
    damage: (run) => run('update authorities set next_batch = 0'),
    told: ['authority-progress-differs authorities/'],
  },
  {
    what: 'what came with a token is named by no list',
    damage: (run) => run("update batch_tokens set evidence = '7'"),
    told: ['token-evidence-missing batch_tokens/2'],
  },
];

export const shortened = (told: readonly string[], expected: readonly string[]): string[] =>
  [
    ...new Set(
      told.map((one) => expected.find((wanted) => one.startsWith(wanted) && wanted.endsWith('/')) ?? one),
    ),
  ].sort();
