import { rm } from 'node:fs/promises';
import type { BlobRemoval } from '../../ports/blobs.ts';
import { orUnavailable } from './failures.ts';
import { createPlaces } from './places.ts';

/** Takes blobs out of a folder. Whoever is reading one reads it to its end. */
export function openFolderRemoval({ dir }: { readonly dir: string }): BlobRemoval {
  const places = createPlaces(dir);
  return {
    remove: (room, name) =>
      orUnavailable('remove a file', () => rm(places.path(room, name), { force: true })),
  };
}
