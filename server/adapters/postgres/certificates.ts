import { sql } from 'kysely';
import type { CertificateStore, StoredCertificate } from '../../ports/store.ts';
import type { Database } from './database.ts';

type CertificateWrites = Pick<CertificateStore, 'certificateSerial' | 'keepCertificate'>;

interface CertificateRow {
  sequence: number;
  revision: number;
  issued_ms: number;
  anchor_keys: readonly string[];
  bytes: Buffer;
}

export function openCertificateReads({ query }: Database): Pick<CertificateStore, 'certificate'> {
  return {
    async certificate(sequence) {
      const row = await query
        .selectFrom('certificates')
        .selectAll()
        .where('sequence', '=', sequence)
        .orderBy('revision', 'desc')
        .limit(1)
        .executeTakeFirst();
      return row && certificateOf(row);
    },
  };
}

export function openCertificateWrites({ query }: Database): CertificateWrites {
  return {
    /** Serials are never given back, so the newest of a year counts them; a crash before COMMIT gives it to the next. */
    certificateSerial: (sequence, year) =>
      query.transaction().execute(async (within) => {
        // Reading goes on; whoever gives a serial waits, and then sees this one.
        await sql`lock table serials in share row exclusive mode`.execute(within);
        const given = await within
          .selectFrom('serials')
          .select(['year', 'serial'])
          .where('sequence', '=', sequence)
          .executeTakeFirst();
        if (given !== undefined) return given;
        const newest = await within
          .selectFrom('serials')
          .select('serial')
          .where('year', '=', year)
          .orderBy('serial', 'desc')
          .limit(1)
          .executeTakeFirst();
        const serial = (newest?.serial ?? 0) + 1;
        await within.insertInto('serials').values({ sequence, year, serial }).execute();
        return { year, serial };
      }),
    async keepCertificate(certificate) {
      const { sequence, revision } = certificate;
      const kept = await query
        .insertInto('certificates')
        .values({
          sequence,
          revision,
          issued_ms: certificate.issuedMs,
          anchor_keys: JSON.stringify(certificate.anchorKeys),
          bytes: Buffer.from(certificate.bytes),
        })
        .onConflict((conflict) => conflict.doNothing())
        .returning('sequence')
        .executeTakeFirst();
      if (kept !== undefined) return certificate;
      const before = await query
        .selectFrom('certificates')
        .selectAll()
        .where('sequence', '=', sequence)
        .where('revision', '=', revision)
        .executeTakeFirstOrThrow();
      return certificateOf(before);
    },
  };
}

const certificateOf = (row: CertificateRow): StoredCertificate => ({
  sequence: row.sequence,
  revision: row.revision,
  issuedMs: row.issued_ms,
  anchorKeys: row.anchor_keys,
  bytes: new Uint8Array(row.bytes),
});
