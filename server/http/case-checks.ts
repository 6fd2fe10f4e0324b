import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Actors, Kept } from '../casework/cases.ts';
import type { EvidenceCheck } from '../casework/evidence.ts';
import { recordOf } from '../casework/room.ts';
import { canonicalize, type Json, type JsonObject } from '../core/read/json.ts';
import type { StoredCase } from '../ports/cases.ts';
import { requires } from './auth.ts';
import type { CaseReading } from './case-reading.ts';
import { actorsOf, caseFor, done } from './cases.ts';
import { Problem } from './problem.ts';
import { problems, Uuid } from './schemas.ts';

/** Of all results in one event: a checker reads up to four times as much. */
const MOST_BYTES = 1024 * 1024;

/** Every stored file of a case is read whole: so many cases at a time, and each once. */
const MOST_AT_ONCE = 2;

const CaseParams = Type.Object({ id: Uuid }, { additionalProperties: false });

/** At the desk: everything of a case is checked in one step, and whoever checked, what came out and why are events. */
export function caseCheckRoutes(app: FastifyInstance, deps: CaseReading): void {
  const checking = new Set<string>();
  app.post<{ Params: { id: string } }>(
    '/v1/cases/:id/checks',
    {
      onRequest: requires(deps.checkKey, 'cases.act'),
      schema: {
        tags: ['cases'],
        security: [{ apiKey: [] }, { session: [] }],
        summary:
          '一次核验案中全部证据，结果记入案件 / check all evidence of the case; the result is an event of it',
        params: CaseParams,
        response: problems(401, 403, 404, 409, 503),
      },
    },
    async (request) => {
      const stored = await caseFor(deps, request);
      const actors = actorsOf(request.caller);
      await expectChecker(deps, stored, actors);
      if (checking.has(stored.id) || checking.size >= MOST_AT_ONCE)
        throw new Problem('case-busy', {}, { retryAfterSeconds: 10 });
      checking.add(stored.id);
      try {
        return await checkAll(deps, request, stored);
      } finally {
        checking.delete(stored.id);
      }
    },
  );
}

/** Before a byte is read for him. */
const expectChecker = (deps: CaseReading, stored: StoredCase, actors: Actors) =>
  done(deps, stored.procedure, async () => {
    const refused = await deps.cases.refusedAtOnce(stored, actors, 'record-check');
    return refused ?? { outcome: 'done' as const };
  })(actors);

async function checkAll(deps: CaseReading, request: FastifyRequest, stored: StoredCase) {
  const items = await deps.cases.roomOf(stored.procedure)!.items(recordOf(stored));
  const reports: JsonObject[] = [];
  for (const { organization, id } of items) reports.push(asJson(await deps.checkEvidence(organization, id)));
  let kept: Kept | undefined;
  for (const together of inPieces(reports)) {
    const results = together.map(resultOf);
    kept = await done(deps, stored.procedure, (actors) =>
      deps.cases.act(stored.id, actors, 'record-check', { results }, { reports: together }),
    )(actorsOf(request.caller));
  }
  const head = kept && (JSON.parse(Buffer.from(kept.head).toString('utf8')) as unknown);
  return { items: reports, events: kept?.events ?? stored.events, head: head ?? null };
}

const asJson = (check: EvidenceCheck): JsonObject => JSON.parse(JSON.stringify(check)) as JsonObject;

function resultOf(report: JsonObject) {
  const { evidence, verdict } = report as unknown as EvidenceCheck;
  return {
    id: evidence,
    verdict: verdict === 'valid' || verdict === 'invalid' ? verdict : ('incomplete' as const),
    report: hash('sha256', canonicalize(report as Json), 'hex'),
  };
}

/** As many as one event can hold; one alone always can. */
function* inPieces(reports: readonly JsonObject[]): Generator<readonly JsonObject[]> {
  let piece: JsonObject[] = [];
  let bytes = 0;
  for (const report of reports) {
    const size = Buffer.byteLength(canonicalize(report));
    if (piece.length > 0 && bytes + size > MOST_BYTES) {
      yield piece;
      [piece, bytes] = [[], 0];
    }
    piece.push(report);
    bytes += size;
  }
  if (piece.length > 0) yield piece;
}
