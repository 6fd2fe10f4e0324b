import t from 'tap';
import { openS3Blobs } from '../../../server/adapters/s3/blobs.ts';
import { blobsSuite } from '../../suites/blobs.suite.ts';
import { s3Front, startS3 } from '../../support/s3-server.ts';

const server = await startS3(t);
const front = await s3Front(t, server);

blobsSuite('s3', async (t) => {
  const spoolDir = t.testdir();
  const open = async () => {
    const blobs = await openS3Blobs(front.address, { spoolDir });
    t.teardown(() => blobs.close());
    return blobs;
  };
  return { blobs: await open(), reopen: open };
});
