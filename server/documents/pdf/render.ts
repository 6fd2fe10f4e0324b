import { paperWords } from '../../messages/paper.ts';
import type { Content } from '../content.ts';
import { type Attachment, embed, placeSignature, type SignaturePlace } from './embed.ts';
import { beginPage, drawFooters, drawHead, type Framed } from './frame.ts';
import { drawSection } from './sections.ts';
import { Sheet } from './sheet.ts';

/** What any document is made of beside its pages; it goes to a worker thread as it is. */
export interface Enclosed {
  readonly attachments: readonly Attachment[];
  /** room for the signature, bytes */
  readonly cmsBytes: number;
  /** the moment that the signature will claim, Unix milliseconds */
  readonly signedMs: number;
}

export interface PaperJob extends Enclosed {
  readonly content: Content;
}

/** A whole document that lacks nothing but its signature. */
export interface Unsigned extends SignaturePlace {
  readonly bytes: Uint8Array;
}

/** Draws the certificate: the same bytes each time for the same job. */
export const renderPaper = ({ content, ...enclosed }: PaperJob): Promise<Unsigned> =>
  rendered({ ...content, ...enclosed }, (sheet) => {
    drawHead(sheet, content);
    for (const section of content.sections) drawSection(sheet, section);
  });

export async function rendered(
  framed: Framed & Enclosed & { readonly issuedAt: string },
  draw: (sheet: Sheet) => void,
): Promise<Unsigned> {
  const { title, number, provider, issuedAt, attachments, cmsBytes, signedMs } = framed;
  const sheet = new Sheet(
    {
      pdfVersion: '1.7',
      lang: 'zh-CN',
      displayTitle: true,
      info: {
        Title: `${title.zh} ${number}`,
        Author: provider,
        Creator: 'kezheng',
        Producer: 'kezheng',
        CreationDate: new Date(issuedAt),
      },
    },
    (begun) => beginPage(begun, framed),
  );
  const chunks: Uint8Array[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    sheet.doc.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    sheet.doc.on('end', resolve);
    sheet.doc.on('error', reject);
  });
  draw(sheet);
  drawFooters(sheet, framed);
  embed(sheet, attachments, ({ kind }) => {
    const { zh, en } = paperWords(`attached-${kind}`);
    return `${zh} ${en}`;
  });
  const place = placeSignature(sheet, cmsBytes, new Date(signedMs));
  sheet.doc.end();
  await ended;
  return { bytes: new Uint8Array(Buffer.concat(chunks)), ...place() };
}
