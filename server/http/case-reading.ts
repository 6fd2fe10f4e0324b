import { hash } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { EvidenceCheck } from '../casework/evidence.ts';
import { type CasePackageDeps, casePackage } from '../casework/package.ts';
import { type Item, type Read, type Room, recordOf } from '../casework/room.ts';
import { canonicalize, type Json, type JsonObject } from '../core/read/json.ts';
import { caseReadme } from '../messages/case-package.ts';
import { evidenceStatus, type StatusDeps } from '../pipeline/status.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { CaseStore, StoredCase } from '../ports/cases.ts';
import { requires } from './auth.ts';
import { actorsOf, type CaseRoutes, caseFor, done } from './cases.ts';
import { viewOf } from './evidence.ts';
import { Problem } from './problem.ts';
import { problems, Uuid } from './schemas.ts';
import { attachment, sendStoredFile } from './stored-file.ts';

export interface CaseReading extends CaseRoutes, StatusDeps {
  readonly store: CaseStore & StatusDeps['store'];
  readonly casePackage: CasePackageDeps;
  readonly blobs: Blobs;
  readonly publicUrl: string;
  readonly checkEvidence: (organization: string, id: string) => Promise<EvidenceCheck>;
}

const CaseParams = Type.Object({ id: Uuid }, { additionalProperties: false });
const ItemParams = Type.Object({ id: Uuid, evidence: Uuid }, { additionalProperties: false });
const FileParams = Type.Object(
  { id: Uuid, evidence: Uuid, n: Type.Integer({ minimum: 0, maximum: 99 }) },
  { additionalProperties: false },
);

/** Reading what a case holds. Whoever is no party of it but was granted access leaves an event each time. */
export function caseReadingRoutes(app: FastifyInstance, deps: CaseReading): void {
  const read = { onRequest: requires(deps.checkKey, 'cases.read') };
  const common = { tags: ['cases'], security: [{ apiKey: [] }] };
  app.get<{ Params: { id: string } }>(
    '/v1/cases/:id/package.zip',
    {
      ...read,
      exposeHeadRoute: false,
      schema: {
        ...common,
        summary: '案件包（ZIP），可用同一核验程序核验 / the case as a package, for the same checker',
        params: CaseParams,
        response: problems(401, 403, 404, 409, 503),
      },
    },
    async (request, reply) => {
      const { stored, room } = await reading(deps, request, 'package');
      const [record, actors] = [recordOf(stored), actorsOf(request.caller)];
      const stream = await casePackage(deps.casePackage, {
        stored,
        isOpen: (action) => room.isOpen(record, action, actors),
        head: (await deps.cases.head(stored.id))!,
        evidence: await room.items(record),
        readme: caseReadme(stored.id, stored.procedure, deps.publicUrl),
        nowMs: deps.clock.nowMs(),
      });
      return reply
        .type('application/zip')
        .header('content-disposition', attachment(`case-${stored.id}.zip`))
        .send(stream);
    },
  );
  app.get<{ Params: { id: string; evidence: string } }>(
    '/v1/cases/:id/evidence/:evidence',
    {
      ...read,
      schema: {
        ...common,
        summary: '案中的一项证据 / an item of evidence of the case',
        params: ItemParams,
        response: problems(401, 403, 404, 409),
      },
    },
    async (request) => {
      const { organization, id } = await itemFor(deps, request);
      const status = await evidenceStatus(deps, organization, id);
      if (status === undefined) throw new Problem('not-found');
      return viewOf(status);
    },
  );
  app.route<{ Params: { id: string; evidence: string; n: number } }>({
    method: ['GET', 'HEAD'],
    url: '/v1/cases/:id/evidence/:evidence/files/:n',
    ...read,
    schema: {
      ...common,
      summary: '案中证据的原件 / an original of the case’s evidence',
      params: FileParams,
      response: problems(401, 403, 404, 409, 416, 500),
    },
    handler: async (request, reply) => {
      const { organization, id } = await itemFor(deps, request);
      const entry = await deps.store.evidence(organization, id);
      if (entry === undefined) throw new Problem('not-found');
      return sendStoredFile(deps, request, reply, entry, request.params.n);
    },
  });
  app.post<{ Params: { id: string } }>(
    '/v1/cases/:id/checks',
    {
      onRequest: requires(deps.checkKey, 'cases.act'),
      schema: {
        ...common,
        summary:
          '一次核验案中全部证据，结果记入案件 / check all evidence of the case; the result is an event of it',
        params: CaseParams,
        response: problems(401, 403, 404, 409, 503),
      },
    },
    async (request) => checkAll(deps, request),
  );
}

/** The case, after whoever needs leave has left his event. */
export async function reading(
  deps: Pick<CaseRoutes, 'store' | 'cases' | 'clock'>,
  request: FastifyRequest,
  what: Read,
): Promise<{ readonly stored: StoredCase; readonly room: Room }> {
  const stored = await caseFor(deps, request);
  const room = deps.cases.roomOf(stored.procedure)!;
  const actors = actorsOf(request.caller);
  const access = room.accessFor(recordOf(stored), actors, what, deps.clock.nowMs());
  if (access === undefined) return { stored, room };
  await done(deps, stored.procedure, (as) => deps.cases.act(stored.id, as, access.action, access.input))(
    actors,
  );
  return { stored: (await deps.store.caseById(stored.id))!, room };
}

async function itemFor(deps: CaseReading, request: FastifyRequest): Promise<Item> {
  const { evidence } = request.params as { evidence: string };
  const stored = await caseFor(deps, request);
  const items = await deps.cases.roomOf(stored.procedure)!.items(recordOf(stored));
  const item = items.find(({ id }) => id === evidence);
  if (item === undefined) throw new Problem('not-found');
  await reading(deps, request, 'evidence');
  return item;
}

/** Each item in full; whoever checked, what came out and the whole report are one event. */
async function checkAll(deps: CaseReading, request: FastifyRequest) {
  const stored = await caseFor(deps, request);
  const room = deps.cases.roomOf(stored.procedure)!;
  const checks: EvidenceCheck[] = [];
  for (const { organization, id } of await room.items(recordOf(stored)))
    checks.push(await deps.checkEvidence(organization, id));
  const reports = checks.map((check) => JSON.parse(JSON.stringify(check)) as JsonObject);
  const results = checks.map(({ evidence, verdict }, i) => ({
    id: evidence,
    verdict: verdict === 'valid' || verdict === 'invalid' ? verdict : ('incomplete' as const),
    report: hash('sha256', canonicalize(reports[i] as Json), 'hex'),
  }));
  const kept = await done(deps, stored.procedure, (actors) =>
    deps.cases.act(stored.id, actors, 'record-check', { results }, { reports }),
  )(actorsOf(request.caller));
  return { items: reports, events: kept.events, head: JSON.parse(Buffer.from(kept.head).toString('utf8')) };
}
