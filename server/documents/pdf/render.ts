import { paperWords } from '../../messages/paper.ts';
import type { Content } from '../content.ts';
import { type Attachment, embed, placeSignature, type SignaturePlace } from './embed.ts';
import { beginPage, drawFooters, drawHead } from './frame.ts';
import { drawSection } from './sections.ts';
import { Sheet } from './sheet.ts';

/** All that a document is made of; it goes to a worker thread as it is. */
export interface PaperJob {
  readonly content: Content;
  readonly attachments: readonly Attachment[];
  /** room for the signature, bytes */
  readonly cmsBytes: number;
  /** the moment that the signature will claim, Unix milliseconds */
  readonly signedMs: number;
}

/** A whole document that lacks nothing but its signature. */
export interface Unsigned extends SignaturePlace {
  readonly bytes: Uint8Array;
}

/** Draws the document: the same bytes each time for the same job. */
export async function renderPaper({ content, attachments, cmsBytes, signedMs }: PaperJob): Promise<Unsigned> {
  const sheet = new Sheet(
    {
      pdfVersion: '1.7',
      lang: 'zh-CN',
      displayTitle: true,
      info: {
        Title: `${content.title.zh} ${content.number}`,
        Author: content.provider,
        Creator: 'kezheng',
        Producer: 'kezheng',
        CreationDate: new Date(content.issuedAt),
      },
    },
    (begun) => beginPage(begun, content),
  );
  const chunks: Uint8Array[] = [];
  const ended = new Promise<void>((resolve, reject) => {
    sheet.doc.on('data', (chunk: Uint8Array) => chunks.push(chunk));
    sheet.doc.on('end', resolve);
    sheet.doc.on('error', reject);
  });
  drawHead(sheet, content);
  for (const section of content.sections) drawSection(sheet, section);
  drawFooters(sheet, content);
  embed(sheet, attachments, ({ kind }) => {
    const { zh, en } = paperWords(`attached-${kind}`);
    return `${zh} ${en}`;
  });
  const place = placeSignature(sheet, cmsBytes, new Date(signedMs));
  sheet.doc.end();
  await ended;
  return { bytes: new Uint8Array(Buffer.concat(chunks)), ...place() };
}
