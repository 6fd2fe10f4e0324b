import { createRequire } from 'node:module';
import Fastify from 'fastify';
import { HashOnlyEvidence } from '../../server/http/schemas.ts';

/*
 * The other side of the deposit: a Fastify route that validates the same body against the same schema, as Fastify does
 * by itself, and echoes it. No key, no digest, nothing stored.
 */

const app = Fastify();
app.post('/v1/evidence', { schema: { body: HashOnlyEvidence } }, async (request, reply) =>
  reply.code(201).send(request.body),
);
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const { version } = createRequire(import.meta.url)('fastify/package.json') as { version: string };
process.stdout.write(`${JSON.stringify({ url, version })}\n`);
