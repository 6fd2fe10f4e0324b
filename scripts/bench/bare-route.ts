import { createRequire } from 'node:module';
import Fastify from 'fastify';
import { Compile } from 'typebox/compile';
import { HashOnlyEvidence } from '../../server/http/schemas.ts';

/*
 * The other side of the deposit: a Fastify route that validates the same body against the same schema, as Fastify does
 * by itself, and echoes it; and one that validates each line of a bulk call. No key, no digest, nothing stored.
 */

const app = Fastify();
app.post('/v1/evidence', { schema: { body: HashOnlyEvidence } }, async (request, reply) =>
  reply.code(201).send(request.body),
);
const record = Compile(HashOnlyEvidence);
app.addContentTypeParser('application/x-ndjson', { parseAs: 'buffer' }, (_request, body, done) =>
  done(null, body),
);
app.post('/v1/evidence/bulk', { bodyLimit: 64 * 1024 * 1024 }, async (request, reply) => {
  const lines = (request.body as Buffer).toString('utf8').split('\n').slice(0, -1);
  const answers = lines.map((line, i) => {
    const value: unknown = JSON.parse(line);
    return record.Check(value)
      ? `{"line":${i + 1},"status":201}\n`
      : `{"line":${i + 1},"status":400,"problem":{}}\n`;
  });
  return reply.type('application/x-ndjson').send(answers.join(''));
});
const url = await app.listen({ host: '127.0.0.1', port: 0 });
const { version } = createRequire(import.meta.url)('fastify/package.json') as { version: string };
process.stdout.write(`${JSON.stringify({ url, version })}\n`);
