import t from 'tap';
import { body, run } from '../support/running.ts';

const service = await run();
t.teardown(() => service.stop());

t.test('/openapi.json has the forms that people upload, beside the JSON', async (t) => {
  const { paths } = await body(service.call('/openapi.json', { key: null }));
  const contentOf = (path: string) => paths[path].post.requestBody.content;
  const file = { type: 'string', contentMediaType: 'application/octet-stream' };
  t.match(contentOf('/v1/evidence'), {
    'application/json': { schema: { properties: { statement: Object, folder: Object } } },
    'multipart/form-data': {
      schema: {
        required: ['evidence', 'file'],
        properties: { evidence: { type: 'object' }, file: { items: file } },
      },
    },
  });
  t.match(contentOf('/v1/verify'), {
    'application/json': { schema: { required: ['certificate'] } },
    'multipart/form-data': {
      schema: { required: ['certificate'], properties: { certificate: file, renewal: { items: file } } },
    },
  });
});

t.test('what is documented is not what decides: a form is read part by part as before', async (t) => {
  const data = new FormData();
  data.append('evidence', '{"title":"x"}');
  const answer = await service.call('/v1/evidence', { method: 'POST', body: data });
  t.equal((await body(answer)).code, 'file-missing');
  const odd = await service.call('/v1/verify', { key: null, json: { certificate: 1 } });
  t.equal((await body(odd)).verdict, 'invalid');
});
