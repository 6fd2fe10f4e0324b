import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { EvidenceCheck } from '../casework/evidence.ts';
import { type CasePackageDeps, casePackage } from '../casework/package.ts';
import { type Item, recordOf } from '../casework/room.ts';
import { caseReadme } from '../messages/case-package.ts';
import { evidenceStatus, type StatusDeps } from '../pipeline/status.ts';
import type { Blobs } from '../ports/blobs.ts';
import type { CaseEvent, CaseStore, StoredCase } from '../ports/cases.ts';
import { requires } from './auth.ts';
import { reading } from './case-access.ts';
import { eventViews } from './case-view.ts';
import { actorsOf, type CaseRoutes, caseFor } from './cases.ts';
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
  eventsRoute(app, deps, read, common);
}

/** Events of one answer, and how much they say in it. */
const EVENTS_PAGE = 100;
const MOST_CHARACTERS = 4 * 1024 * 1024;

const EventsQuery = Type.Object(
  {
    from: Type.Optional(
      Type.Integer({
        minimum: 0,
        maximum: 1_000_000,
        description: '从第几个事件起，从 0 起 / from this event on',
      }),
    ),
  },
  { additionalProperties: false },
);

function eventsRoute(app: FastifyInstance, deps: CaseReading, read: object, common: object): void {
  app.get<{ Params: { id: string }; Querystring: { from?: number } }>(
    '/v1/cases/:id/events',
    {
      ...(read as { onRequest: ReturnType<typeof requires> }),
      exposeHeadRoute: false,
      schema: {
        ...common,
        summary: '案件经过 / the events of a case, in order',
        description: '`next` 不为空即可继续 / go on while `next` is not null',
        params: CaseParams,
        querystring: EventsQuery,
        response: problems(400, 401, 403, 404, 409),
      },
    },
    async (request) => {
      // What the events say is what the package holds.
      const { stored, room } = await reading(deps, request, 'package');
      const { from = 0 } = request.query;
      const events = await page(deps, stored, from);
      const next = from + events.length;
      return {
        items: eventViews(room, recordOf(stored), actorsOf(request.caller), events),
        next: events.length > 0 && next < stored.events ? next : null,
      };
    },
  );
}

/** Read a few at a time: one may say as much as all others. */
async function page({ store }: CaseReading, { id, events: count }: StoredCase, from: number) {
  const events: CaseEvent[] = [];
  for (let characters = 0; events.length < EVENTS_PAGE && characters < MOST_CHARACTERS; ) {
    const more = (await store.caseEvents(id, from + events.length, 5)).filter(({ index }) => index < count);
    if (more.length === 0) break;
    events.push(...more);
    for (const { content } of more) characters += content?.length ?? 0;
  }
  return events.slice(0, EVENTS_PAGE);
}

async function itemFor(deps: CaseReading, request: FastifyRequest): Promise<Item> {
  const { evidence } = request.params as { evidence: string };
  const stored = await caseFor(deps, request);
  const items = await deps.cases.roomOf(stored.procedure)!.items(recordOf(stored));
  const item = items.find(({ id }) => id === evidence);
  if (item === undefined) throw new Problem('not-found');
  await reading(deps, request, 'evidence', evidence);
  return item;
}
