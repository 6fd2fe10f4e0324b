import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import type { Accesses } from '../casework/access.ts';
import { type CasePackageDeps, casePackage } from '../casework/package.ts';
import { caseReadme } from '../messages/case-package.ts';
import type { StoredCase } from '../ports/cases.ts';
import { requires } from './auth.ts';
import { type EvidenceRoutes, entryFor, IdParams, type WithId } from './evidence.ts';
import { Problem } from './problem.ts';
import { Instant, problems, Sha256, Uuid } from './schemas.ts';
import { attachment } from './stored-file.ts';

export interface AccessesRoutes extends EvidenceRoutes {
  readonly accesses: Accesses;
  readonly casePackage: CasePackageDeps;
  readonly publicUrl: string;
}

const Or = <Of extends Parameters<typeof Type.Union>[0][number]>(of: Of) => Type.Union([of, Type.Null()]);
const Listed = Type.Object({
  items: Type.Array(
    Type.Object({
      index: Type.Integer(),
      at: Instant,
      organization: Uuid,
      person: Or(Uuid),
      role: Type.String(),
      what: Or(Type.String({ description: '读取了什么：evidence、certificate、files/0 / what was read' })),
      reason: Or(Type.String({ description: '理由；内容已删除的为 null / null where it was erased' })),
      leafHash: Sha256,
    }),
  ),
  next: Or(Type.Integer({ description: '下一页的 from / from of the next page' })),
  head: Type.Unknown({
    description:
      'kezheng-case-head/1，请妥善保存：以后少了一条即可证明；从未读取过的为 null / to be kept: it shows when one is missing later',
  }),
});

const PAGE = 100;
const Query = Type.Object(
  { from: Type.Optional(Type.Integer({ minimum: 0, maximum: 1_000_000_000, default: 0 })) },
  { additionalProperties: false },
);

/** /v1/evidence/:id/accesses: who of the operator's staff read one's own deposit, when, and why. */
export function accessesRoutes(app: FastifyInstance, deps: AccessesRoutes): void {
  const read = { onRequest: requires(deps.checkKey, 'evidence.read') };
  const common = { tags: ['evidence'], security: [{ apiKey: [] }], params: IdParams };
  app.get<WithId & { Querystring: { from?: number } }>(
    '/v1/evidence/:id/accesses',
    {
      ...read,
      schema: {
        ...common,
        summary: '运营方人员读取本证据的记录 / readings of this deposit by the operator’s staff',
        querystring: Query,
        response: { 200: Listed, ...problems(400, 401, 403, 404) },
      },
    },
    async (request) => {
      const { id } = await entryFor(deps, request);
      const chain = await deps.accesses.chainOf(id);
      return chain === undefined
        ? { items: [], next: null, head: null }
        : listOf(deps, chain, request.query.from ?? 0);
    },
  );
  app.get<WithId>(
    '/v1/evidence/:id/accesses/package.zip',
    {
      ...read,
      exposeHeadRoute: false,
      schema: {
        ...common,
        summary: '读取记录（ZIP），用同一核验程序核验 / the readings as a package, for the same checker',
        response: problems(401, 403, 404),
      },
    },
    async (request, reply) => {
      const made = await packed(deps, request);
      return reply
        .type('application/zip')
        .header('content-disposition', attachment(`accesses-${request.params.id}.zip`))
        .send(made);
    },
  );
}

async function listOf({ accesses }: AccessesRoutes, chain: StoredCase, from: number) {
  const seen = await accesses.seen(chain.id, from, PAGE);
  const behind = from + seen.length;
  return {
    items: seen.map(({ index, at, by, what, reason, leaf }) => ({
      ...{ index, at, ...by, what: what ?? null, reason: reason ?? null, leafHash: leaf },
    })),
    next: seen.length > 0 && behind < chain.events ? behind : null,
    head: JSON.parse(Buffer.from(await accesses.head(chain)).toString('utf8')) as unknown,
  };
}

/** There is no package of nothing: without an event there is no head. */
async function packed(deps: AccessesRoutes, request: FastifyRequest) {
  const { id, organization } = await entryFor(deps, request);
  const stored = await deps.accesses.chainOf(id);
  if (stored === undefined) throw new Problem('not-found');
  return casePackage(deps.casePackage, {
    stored,
    isOpen: () => true,
    head: await deps.accesses.head(stored),
    evidence: [{ organization, id }],
    readme: caseReadme(id, stored.procedure, deps.publicUrl),
    nowMs: deps.clock.nowMs(),
  });
}
