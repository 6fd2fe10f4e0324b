import { openFolderBlobs } from '../../../server/adapters/folder/blobs.ts';
import { blobsSuite } from '../../suites/blobs.suite.ts';

blobsSuite('folder', async (t) => {
  const dir = t.testdir();
  const open = () => openFolderBlobs({ dir });
  return { blobs: await open(), reopen: open };
});
