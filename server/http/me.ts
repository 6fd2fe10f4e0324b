import type { FastifyInstance } from 'fastify';
import { Type } from 'typebox';
import { type CheckKey, requires } from './auth.ts';
import { depositorOf } from './deposit.ts';
import { problems, Uuid } from './schemas.ts';

const Me = Type.Object({
  depositor: Type.Object(
    { id: Uuid, name: Type.String(), uscc: Type.Union([Type.String(), Type.Null()]) },
    { description: '清单中的存证人 / as manifests name the depositor' },
  ),
  service: Type.String({ description: '清单中的服务名称 / as manifests name the service' }),
});

/** GET /v1/me: what a depositor has to know beside his own evidence to sign it (kezheng-statement/1). */
export function meRoutes(
  app: FastifyInstance,
  { checkKey, service }: { readonly checkKey: CheckKey; readonly service: string },
): void {
  app.get(
    '/v1/me',
    {
      onRequest: requires(checkKey, 'evidence.deposit'),
      schema: {
        tags: ['evidence'],
        summary: '存证人与服务在清单中的名称 / depositor and service as manifests name them',
        security: [{ apiKey: [] }, { session: [] }],
        response: { 200: Me, ...problems(401, 403) },
      },
    },
    async (request) => {
      const { id, name, uscc } = depositorOf(request);
      return { depositor: { id, name, uscc: uscc ?? null }, service };
    },
  );
}
