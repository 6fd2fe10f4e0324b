import { spawnSync } from 'node:child_process';
import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { programs, whyMissing } from '../support/debian.ts';
import { body, certificateOf, hashOnly, run } from '../support/running.ts';

const README = readFileSync(join(import.meta.dirname, '..', '..', 'README.md'), 'utf8');
const OPENSSL = '/usr/bin/openssl';

t.test(
  'key and certificate as README makes them are an issuer whose certificates pass',
  { skip: whyMissing({ packages: ['openssl'], isThere: programs(OPENSSL) }) },
  async (t) => {
    const command = /^openssl req -x509 [^`]*?(?=\n```)/m.exec(README)![0];
    const cwd = t.testdir({});
    const made = spawnSync('sh', ['-c', command], { cwd, encoding: 'utf8' });
    t.equal(made.status, 0, made.stderr);
    const files = { key: join(cwd, 'issuer.key'), cert: join(cwd, 'issuer.pem') };
    t.equal(statSync(files.key).mode & 0o077, 0, 'the key is its owner’s');
    const service = await run({
      KEZHENG_ISSUER_KEY_FILE: files.key,
      KEZHENG_ISSUER_CERT_FILE: files.cert,
    });
    t.teardown(() => service.stop());
    const { id } = await body(service.call('/v1/evidence', { json: hashOnly(1) }));
    const certificate = (await certificateOf(service, id)).toString();
    const report = await body(service.call('/v1/verify', { key: null, json: { certificate } }));
    const failed = report.checks.filter((check: { status: string }) => check.status === 'failed');
    t.strictSame(failed, []);
    t.match(JSON.stringify(report), '某某存证服务');
  },
);
