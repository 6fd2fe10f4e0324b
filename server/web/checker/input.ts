import { MAX_CERTIFICATE_BYTES } from '../../core/certificate/certificate.ts';

/*
 * The one place where a file that somebody gives as «the certificate» becomes the certificate's bytes. A container (a PDF
 * with the certificate inside, a package with certificate and files) is known by its first bytes and opened here.
 */

export interface Opened {
  /** the certificate's exact bytes */
  readonly certificate: Uint8Array;
  /** originals that came along in a package; they are hashed as any other */
  readonly files: readonly File[];
}

/** `wrong` is a code of messages/ (subject `page`). */
export type Opening = Opened | { readonly wrong: string; readonly detail: Readonly<Record<string, string>> };

interface Container {
  /** first bytes, as Latin text */
  readonly begins: string;
  readonly open: (file: File) => Promise<Opening>;
}

/** Known by its first bytes, but not opened by this page. */
const notYet = (wrong: string) => async (): Promise<Opening> => ({ wrong, detail: {} });

/** To open one of these, give it its function; nothing else on the page changes. */
const CONTAINERS: readonly Container[] = [
  { begins: '%PDF-', open: notYet('container-pdf') },
  { begins: 'PK\u0003\u0004', open: notYet('container-zip') },
];

export async function openInput(file: File): Promise<Opening> {
  try {
    const start = await readStart(file, 8);
    const container = CONTAINERS.find(({ begins }) => latin(start).startsWith(begins));
    // One byte more than allowed is enough to see that a file is too large, without reading a video as a certificate.
    return container === undefined
      ? { certificate: await readStart(file, MAX_CERTIFICATE_BYTES + 1), files: [] }
      : await container.open(file);
  } catch (error) {
    if (!(error instanceof DOMException)) throw error;
    return { wrong: 'container-unreadable', detail: { name: file.name } };
  }
}

/** At most the first `limit` bytes. */
export const readStart = async (file: Blob, limit: number): Promise<Uint8Array> =>
  new Uint8Array(await file.slice(0, limit).arrayBuffer());

const latin = (bytes: Uint8Array): string => String.fromCharCode(...bytes);

/** How every certificate begins (RFC 8785 puts `anchors` first): tells it from a file where both are dropped at once. */
export async function looksLikeCertificate(file: File): Promise<boolean> {
  const begins = '{"anchors":';
  if (file.size > MAX_CERTIFICATE_BYTES) return false;
  return latin(await readStart(file, begins.length).catch(() => new Uint8Array(0))) === begins;
}
