import { spawn } from 'node:child_process';
import { readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { run } from '../support/running.ts';

const DEMO = join(import.meta.dirname, '..', '..', 'scripts', 'demo.ts');

t.test(
  'the demonstration leaves its certificate among its data and nothing where the person stands',
  async (t) => {
    const service = await run();
    t.teardown(() => service.stop());
    const cwd = t.testdir({});
    const photo = join(service.dataDir, '照片.jpg');
    writeFileSync(photo, 'a photograph');
    const child = spawn(process.execPath, [DEMO, photo], {
      cwd,
      env: { ...process.env, INIT_CWD: cwd, KEZHENG_DATA_DIR: service.dataDir },
    });
    let [out, err] = ['', ''];
    child.stdout.on('data', (text) => (out += text));
    child.stderr.on('data', (text) => (err += text));
    t.equal(await new Promise((resolve) => child.on('close', resolve)), 0, err);
    const certificates = readdirSync(service.dataDir).filter((name) => name.endsWith('.certificate.json'));
    t.equal(certificates.length, 1);
    t.match(out, join(service.dataDir, certificates[0]!));
    t.strictSame(readdirSync(cwd), []);
  },
);
