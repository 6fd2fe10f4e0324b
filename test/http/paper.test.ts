import { spawnSync } from 'node:child_process';
import { createHash, randomBytes } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { parseCertificate } from '../../server/core/certificate/certificate.ts';
import { parseTrust } from '../../server/core/verify/trust.ts';
import { cli } from '../support/cli.ts';
import { opened, squeezed, whyNoPoppler } from '../support/poppler.ts';
import { body, certificateOf, form, hashOnly, run } from '../support/running.ts';

/* The certificate on paper as a whole service gives it. */

const skip = whyNoPoppler();
const service = await run();
t.teardown(() => service.stop());

const photo = randomBytes(100_000);
const made = await body(
  service.call('/v1/evidence', {
    method: 'POST',
    body: form({ title: '涉嫌侵权商品页面（𠮷）', origin: { source: 'https://shop.example/1' } }, [
      { name: '照片 1.jpg', bytes: photo, type: 'image/jpeg' },
    ]),
  }),
);
const paperAt = (id: string, key?: string | null) =>
  service.call(`/v1/evidence/${id}/certificate.pdf`, key === undefined ? {} : { key });
const early = await paperAt(made.id);
const certificate = await certificateOf(service, made.id);
const answer = await paperAt(made.id);
const pdf = Buffer.from(await answer.arrayBuffer());
const paper = opened(pdf);
const { number } = parseCertificate(certificate);

t.test('too early is told as for the certificate itself', async (t) => {
  t.equal(early.status, 409);
  t.ok(Number(early.headers.get('retry-after')) >= 1);
  t.match(await body(early), { code: 'certificate-not-ready', expectedAt: String });
});

t.test(
  'another organization’s, one that never was, and a call without a key look as everywhere',
  async (t) => {
    t.equal((await paperAt(made.id, service.keys[1])).status, 404);
    t.equal((await paperAt('019ab1c2-0000-7000-8000-00000000ffff')).status, 404);
    t.equal((await paperAt('x')).status, 400);
    t.equal((await paperAt(made.id, null)).status, 401);
  },
);

t.test('it comes as a file with the certificate’s number', { skip }, async (t) => {
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('content-type'), 'application/pdf');
  t.match(answer.headers.get('content-disposition'), `filename="certificate-${number}.pdf"`);
  t.match(paper.check(), { status: 0 });
  t.match(paper.signature(), /Total document signed[\s\S]*Signature is Valid/);
  t.ok(paper.attachment(`certificate-${number}.json`).equals(certificate), 'the very certificate is inside');
});

t.test(
  'it says what the service knows: digests, block, time that counts, provider, test chain',
  { skip },
  async (t) => {
    const view = await body(service.call(`/v1/evidence/${made.id}`));
    const [anchor] = view.anchors;
    const text = squeezed(paper.text());
    for (const part of [
      made.id,
      number,
      createHash('sha256').update(photo).digest('hex'),
      createHash('sm3').update(photo).digest('hex'),
      anchor.transactionHash,
      anchor.blockHash,
      `/c/${number}`,
      '涉嫌侵权商品页面（𠮷）',
      'https://shop.example/1',
      '照片1.jpg',
      '本地演示链localdemonstrationchain',
      '可证（演示）kezhengdemonstration',
      '未取得',
    ])
      t.ok(text.includes(part), part);
    const time = anchor.blockTime.replace('T', '').slice(0, -1);
    t.ok(text.includes(`${time}UTC区块时间（链`), 'the block’s time counts');
    t.match(text, '已证明；以此为准');
    for (let page = 1; page <= paper.pages(); page++)
      t.match(squeezed(paper.text(page)), '测试链，不具证据用途');
  },
);

t.test('each command that it prints does what it says', { skip }, async (t) => {
  const folder = t.testdir();
  const name = `certificate-${number}`;
  writeFileSync(join(folder, `${name}.pdf`), pdf);
  writeFileSync(join(folder, '原件'), photo);
  const text = squeezed(paper.text());
  const sh = (command: string) => {
    t.ok(text.includes(squeezed(command)), command);
    return spawnSync('sh', ['-c', command], { cwd: folder, encoding: 'utf8' });
  };
  t.equal(sh(`pdfdetach -savefile ${name}.json -o ${name}.json ${name}.pdf`).status, 0);
  t.match(text, sh('sha256sum 原件').stdout.slice(0, 64));
  t.match(text, /[0-9a-f]{64}/.exec(sh('openssl dgst -sm3 原件').stdout)?.[0]);
  t.match(sh(`pdfsig ${name}.pdf`).stdout, 'Signature is Valid');
  t.ok(text.includes(squeezed(`kezheng verify ${name}.json 原件 --trust trust.json --rpc https://自选节点`)));
  const node = readFileSync(join(service.dataDir, 'chain', 'node.url'), 'utf8').trim();
  const trust = join(service.dataDir, 'trust.json');
  const files = [join(folder, `${name}.json`), join(folder, '原件')];
  const { code, out } = await cli(['verify', ...files, '--trust', trust, '--rpc', node]);
  t.equal(code, 0, out);
});

t.test('who sealed it stands in the operator’s entry of the trust list, beside the issuer', async (t) => {
  const trust = parseTrust(readFileSync(join(service.dataDir, 'trust.json')));
  t.equal(trust.issuers.length, 1);
  const names = trust.issuers[0]?.certificates.map(({ subject }) => subject.name);
  t.equal(names?.length, 3);
  t.match(names?.[1], 'PDF');
  const [, seal] = trust.issuers[0]?.certificates ?? [];
  const fingerprint = createHash('sha256').update(seal!.raw).digest('hex');
  if (skip === false) t.ok(squeezed(paper.text()).includes(fingerprint));
});

t.test(
  'many at once come one after the other, too many are told to come again, and deposits go on',
  async (t) => {
    const [papers, deposit] = await Promise.all([
      Promise.all(Array.from({ length: 12 }, () => paperAt(made.id))),
      service.call('/v1/evidence', { json: hashOnly(1) }),
    ]);
    t.equal(deposit.status, 201);
    const statuses = papers.map(({ status }) => status);
    t.ok(statuses.includes(200));
    for (const one of papers) {
      if (one.status === 200) continue;
      t.equal(one.status, 503);
      t.equal(one.headers.get('retry-after'), '2');
    }
    t.equal((await paperAt(made.id)).status, 200, 'afterwards there is room again');
  },
);

t.test(
  'of digests alone there is paper too, which says that the service never saw the bytes',
  { skip },
  async (t) => {
    const { id } = await body(service.call('/v1/evidence', { json: hashOnly(77) }));
    await certificateOf(service, id);
    const text = squeezed(opened(Buffer.from(await (await paperAt(id)).arrayBuffer())).text());
    t.match(text, '存证人申报');
    t.match(text, '服务不保存原件，仅存摘要');
  },
);
