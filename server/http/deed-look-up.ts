import { timingSafeEqual } from 'node:crypto';
import type { FastifyInstance, FastifyRequest } from 'fastify';
import { Type } from 'typebox';
import { normalCode } from '../casework/notarization/deed/papers.ts';
import { codeHash } from '../casework/notarization/look-up.ts';
import type { CaseStore, Deed } from '../ports/cases.ts';
import type { IdentityStore } from '../ports/identity.ts';
import { DEED_PAGE_POLICY, deedPage, noDeedPage } from './deed-page.ts';
import { type DeedView, deedView } from './deed-view.ts';
import { Problem } from './problem.ts';
import { closed, problems } from './schemas.ts';

export interface DeedLookUpRoutes {
  readonly store: Pick<CaseStore, 'deedByNumber'> & Pick<IdentityStore, 'organization'>;
  /** of one address */
  readonly perMinute: number;
}

const Params = Type.Object({ number: Type.String({ minLength: 1, maxLength: 100 }) }, closed);
const Query = Type.Object(
  { code: Type.String({ maxLength: 100, description: '公证书上的查询码 / the code on the deed' }) },
  closed,
);

type LookUp = { Params: { number: string }; Querystring: { code: string } };

/**
 * Whether a deed is in force, for anybody who holds it: its number alone opens nothing, and what is told names nobody. A
 * number that is not there and a code that is wrong are told apart by nothing.
 */
export function deedLookUpRoutes(app: FastifyInstance, { store, perMinute }: DeedLookUpRoutes): void {
  const config = { rateLimit: { max: perMinute, timeWindow: 60_000 } };
  const found = async ({ params, query }: FastifyRequest<LookUp>): Promise<DeedView | undefined> => {
    const deed = await store.deedByNumber(params.number);
    if (!isRight(deed, query.code)) return undefined;
    const office = await store.organization(deed!.office);
    return deedView(deed!, office!.name);
  };
  app.get<LookUp>(
    '/v1/deeds/:number',
    {
      config,
      schema: {
        tags: ['deeds'],
        summary: '查询公证书的状态 / whether a deed is in force',
        params: Params,
        querystring: Query,
        response: problems(400, 404, 429),
      },
    },
    async (request) => {
      const view = await found(request);
      if (view === undefined) throw new Problem('not-found');
      return view;
    },
  );
  // Printed on the deed as a QR code.
  app.get<LookUp>(
    '/d/:number',
    { config, schema: { hide: true, params: Params, querystring: Query } },
    async (request, reply) => {
      const view = await found(request);
      return reply
        .code(view === undefined ? 404 : 200)
        .header('content-security-policy', DEED_PAGE_POLICY)
        .header('referrer-policy', 'no-referrer')
        .type('text/html; charset=utf-8')
        .send(view === undefined ? noDeedPage() : deedPage(view));
    },
  );
}

/** The same work whether there is such a deed or not. */
function isRight(deed: Deed | undefined, code: string): boolean {
  const given = Buffer.from(codeHash(normalCode(code)), 'hex');
  const wanted = Buffer.from(deed?.codeHash ?? '00'.repeat(32), 'hex');
  return timingSafeEqual(given, wanted) && deed !== undefined;
}
