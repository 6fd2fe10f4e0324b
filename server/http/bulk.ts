import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Compile } from 'typebox/compile';
import { type BulkRecord, type DepositDeps, depositMany } from '../pipeline/deposit.ts';
import { type CheckKey, requires } from './auth.ts';
import { declared, depositorOf, givenOf } from './deposit.ts';
import { claimsOf } from './idempotency.ts';
import { Problem, type ProblemBody, problemBody, schemaProblem } from './problem.ts';
import { HashOnlyRecord, problems } from './schemas.ts';
import { parseBody } from './text.ts';

/** Records a call: what one transaction stores within a fraction of a second. */
export const MAX_BULK_RECORDS = 10_000;
/** Enough for ten thousand records with long names; it is held in memory whole. */
export const MAX_BULK_BYTES = 32 * 1024 * 1024;

const record = Compile(HashOnlyRecord);

const claimOf = claimsOf('POST /v1/evidence/bulk');

/** POST /v1/evidence/bulk: a record a line; a bad line fails alone. */
export function bulkRoutes(app: FastifyInstance, deps: DepositDeps & { readonly checkKey: CheckKey }): void {
  app.post(
    '/v1/evidence/bulk',
    {
      onRequest: requires(deps.checkKey, 'evidence.deposit'),
      bodyLimit: MAX_BULK_BYTES,
      schema: {
        tags: ['evidence'],
        summary: '批量存证（仅摘要） / deposit many records, digests only',
        description:
          '`application/x-ndjson`，每行一条，至多 10,000 条；按行应答：`{"line","status":201,"id","leafHash"}` 或 `{"line","status","problem"}`。 / One record a line, at most 10,000; answered line by line.',
        security: [{ apiKey: [] }, { session: [] }],
        consumes: ['application/x-ndjson'],
        produces: ['application/x-ndjson'],
        response: problems(400, 401, 403, 413, 415, 422, 503),
      },
    },
    async (request, reply) => {
      if (!Buffer.isBuffer(request.body)) throw new Problem('media-type-unsupported');
      const text = await depositLines(deps, request, request.body);
      return reply.code(200).type('application/x-ndjson; charset=utf-8').send(text);
    },
  );
}

async function depositLines(deps: DepositDeps, request: FastifyRequest, body: Buffer): Promise<string> {
  const claim = claimOf(request, body);
  const problems = new Map<number, ProblemBody>();
  const lines = splitLines(body);
  function* records(): Generator<BulkRecord> {
    for (const [i, line] of lines.entries()) {
      const read = readLine(line);
      if ('problem' in read) problems.set(i, read.problem);
      else yield read;
    }
  }
  // Which lines failed follows from the body alone, and the fingerprint says that the body is the same.
  const outcome = await depositMany(deps, depositorOf(request), records(), claim && { ...claim, note: '' });
  if (outcome.outcome === 'key-reused') throw new Problem('idempotency-key-reused');
  let next = 0;
  let text = '';
  for (const i of lines.keys()) {
    const problem = problems.get(i);
    if (problem !== undefined) {
      text += `${JSON.stringify({ line: i + 1, status: problem.status, problem })}\n`;
    } else {
      const { id, leafHash } = outcome.made[next++]!;
      text += `{"line":${i + 1},"status":201,"id":"${id}","leafHash":"${leafHash}"}\n`;
    }
  }
  return text;
}

/** Lines end with \n or \r\n; one at the very end opens no further line. */
function splitLines(body: Buffer): Buffer[] {
  const lines: Buffer[] = [];
  for (let from = 0; from < body.length; ) {
    const end = body.indexOf(10, from);
    const to = end === -1 ? body.length : end;
    lines.push(body.subarray(from, to > from && body[to - 1] === 13 ? to - 1 : to));
    if (lines.length > MAX_BULK_RECORDS) throw new Problem('too-many-records', { limit: MAX_BULK_RECORDS });
    from = to + 1;
  }
  if (lines.length === 0) throw new Problem('body-malformed');
  return lines;
}

function readLine(bytes: Buffer): BulkRecord | { readonly problem: ProblemBody } {
  try {
    const value = parseBody(bytes, 'line');
    if (!record.Check(value)) throw schemaProblem(record.Errors(value), 'line');
    return { given: givenOf(value), contents: declared(value, 'line') };
  } catch (error) {
    if (error instanceof Problem) return { problem: problemBody(error) };
    throw error;
  }
}
