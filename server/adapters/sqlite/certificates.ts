import type { StoredCertificate } from '../../ports/store.ts';
import type { Connection } from './connection.ts';
import type { Schema } from './schema.ts';
import { prepare } from './statements.ts';

type CertificateRow = Schema['certificates'];
type Serial = { readonly year: number; readonly serial: number };

const newestOf = (db: Connection) =>
  prepare<{ sequence: number }, CertificateRow>(db, (query, of) =>
    query
      .selectFrom('certificates')
      .selectAll()
      .where('sequence', '=', of.sequence)
      .orderBy('revision', 'desc')
      .limit(1),
  );

export function openCertificateReads(db: Connection) {
  const newest = newestOf(db);
  return {
    certificate(sequence: number): StoredCertificate | undefined {
      const row = newest.get({ sequence });
      return row && certificateOf(row);
    },
  };
}

export function openCertificateWrites(db: Connection) {
  const given = prepare<{ sequence: number }, Serial>(db, (query, of) =>
    query.selectFrom('serials').select(['year', 'serial']).where('sequence', '=', of.sequence),
  );
  const newestSerial = prepare<{ year: number }, { serial: number }>(db, (query, of) =>
    query
      .selectFrom('serials')
      .select('serial')
      .where('year', '=', of.year)
      .orderBy('serial', 'desc')
      .limit(1),
  );
  const give = prepare<{ sequence: number } & Serial>(db, (query, of) =>
    query.insertInto('serials').values({ sequence: of.sequence, year: of.year, serial: of.serial }),
  );
  const revision = prepare<{ sequence: number; revision: number }, CertificateRow>(db, (query, of) =>
    query
      .selectFrom('certificates')
      .selectAll()
      .where('sequence', '=', of.sequence)
      .where('revision', '=', of.revision),
  );
  const add = prepare<CertificateRow>(db, (query, of) =>
    query.insertInto('certificates').values({
      sequence: of.sequence,
      revision: of.revision,
      issued_ms: of.issued_ms,
      anchor_keys: of.anchor_keys,
      bytes: of.bytes,
    }),
  );
  return {
    /** Serials are never given back, so the newest of a year counts them; a crash before COMMIT gives it to the next. */
    certificateSerial(sequence: number, year: number): Serial {
      const before = given.get({ sequence });
      if (before !== undefined) return before;
      const serial = (newestSerial.get({ year })?.serial ?? 0) + 1;
      give.run({ sequence, year, serial });
      return { year, serial };
    },
    keepCertificate(certificate: StoredCertificate): StoredCertificate {
      const before = revision.get(certificate);
      if (before !== undefined) return certificateOf(before);
      add.run({
        sequence: certificate.sequence,
        revision: certificate.revision,
        issued_ms: certificate.issuedMs,
        anchor_keys: JSON.stringify(certificate.anchorKeys),
        bytes: certificate.bytes,
      });
      return certificate;
    },
  };
}

const certificateOf = (row: CertificateRow): StoredCertificate => ({
  sequence: row.sequence,
  revision: row.revision,
  issuedMs: row.issued_ms,
  anchorKeys: JSON.parse(row.anchor_keys) as string[],
  bytes: new Uint8Array(row.bytes),
});
