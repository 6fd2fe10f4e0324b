import { connect, type Socket } from 'node:net';
import Fastify, { type FastifyInstance } from 'fastify';
import t from 'tap';
import { contentOf, formParts, installForms, readPart } from '../../server/http/form.ts';
import { installPace } from '../../server/http/pace.ts';
import { installProblems } from '../../server/http/problem.ts';

const SPAN = 300;

/** A small server with the pace of our own, and spans that a test can wait for. */
async function served(): Promise<{ app: FastifyInstance; port: number; read: () => number }> {
  const app = Fastify({ requestTimeout: 0, keepAliveTimeout: 0, forceCloseConnections: true });
  installProblems(app);
  installPace(app, { spanMs: SPAN, bytes: 1_000, silentMs: 4 * SPAN });
  installForms(app);
  let read = 0;
  app.post('/held', async () => 'held');
  app.post('/refused', { onRequest: (_request, reply) => void reply.code(401).send('no') }, async () => '');
  app.post('/form', async (request) => {
    for await (const part of formParts(request, { parts: 5, bytes: 1e9 }))
      if (part.fieldname === 'file') for await (const chunk of contentOf(part)) read += chunk.length;
      else await readPart(part, 1e6);
    return 'form';
  });
  await app.listen({ port: 0, host: '127.0.0.1' });
  const { port } = app.server.address() as { port: number };
  return { app, port, read: () => read };
}

/** However it ends: a reset is an end too. */
const closed = (socket: Socket): Promise<void> =>
  new Promise((resolve) => socket.on('error', () => {}).on('close', () => resolve()));

/** Sends a beginning, then `bytes` more each `everyMs`; how long the connection lived, at most 5 spans. */
async function lives(port: number, begin: string, bytes: number, everyMs: number): Promise<number> {
  const startMs = performance.now();
  const socket = connect(port, '127.0.0.1', () => socket.write(begin.replaceAll('\n', '\r\n')));
  const timer = setInterval(() => socket.write('x'.repeat(bytes)), everyMs);
  const giveUp = setTimeout(() => socket.destroy(), 5 * SPAN);
  socket.resume();
  await closed(socket);
  clearInterval(timer);
  clearTimeout(giveUp);
  return (performance.now() - startMs) / SPAN;
}

const head = (path: string, type: string) =>
  `POST ${path} HTTP/1.1\nhost: x\ncontent-type: ${type}\ncontent-length: 1000000\n\n`;
const part = (name: string) => `--b\ncontent-disposition: form-data; name="${name}"; filename="f"\n\n`;
const FORM = 'multipart/form-data; boundary=b';

t.test('a body that is held must be whole in time, however it trickles', async (t) => {
  const { app, port } = await served();
  t.teardown(() => app.close());
  const cases = {
    json: head('/held', 'application/json'),
    'json that nobody reads': head('/refused', 'application/json'),
    'a form without a part': head('/form', FORM),
    'a document in a form': head('/form', FORM) + part('evidence'),
  };
  const lived = await Promise.all(Object.values(cases).map((begin) => lives(port, begin, 500, 20)));
  for (const [i, name] of Object.keys(cases).entries()) t.ok(lived[i]! < 3, `${name}: ${lived[i]}`);
});

t.test('a file may take long but must go on', async (t) => {
  const { app, port, read } = await served();
  t.teardown(() => app.close());
  const begin = head('/form', FORM) + part('file');
  t.ok((await lives(port, begin, 1, 20)) < 3, 'trickling');
  t.ok((await lives(port, begin, 2_000, 50)) > 4.5, 'going on');
  t.ok(read() > 10_000);
});

t.test('a connection goes on after a body that was whole in time', async (t) => {
  const { app, port } = await served();
  t.teardown(() => app.close());
  const begin = 'POST /held HTTP/1.1\nhost: x\ncontent-type: application/json\ncontent-length: 2\n\n{}';
  const startMs = performance.now();
  const socket = connect(port, '127.0.0.1', () => socket.write(begin.replaceAll('\n', '\r\n')));
  const timer = setTimeout(() => socket.destroy(), 3 * SPAN);
  socket.resume();
  await closed(socket);
  clearTimeout(timer);
  t.ok(performance.now() - startMs > 2.5 * SPAN);
});
