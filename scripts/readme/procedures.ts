import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { proceduresDocument } from '../../server/casework/document.ts';

/*
 * Writes server/casework/PROCEDURES.md from the tables: node scripts/run.mjs scripts/readme/procedures.ts
 */

export const PROCEDURES_FILE = join(import.meta.dirname, '..', '..', 'server', 'casework', 'PROCEDURES.md');

if (import.meta.main) writeFileSync(PROCEDURES_FILE, proceduresDocument());
