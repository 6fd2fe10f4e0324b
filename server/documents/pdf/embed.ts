import type { Sheet } from './sheet.ts';

/*
 * Files inside the document (ISO 32000-2 §7.11.4), and the place of its signature (§12.8). Below pdfkit's own words,
 * since it compresses every attachment and knows no signatures.
 */

export interface Attachment {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: Uint8Array;
  /** `annex`: the certificate of an item of a deed */
  readonly kind: 'certificate' | 'manifest' | 'token' | 'annex';
}

interface Reference {
  readonly offset: number;
  compress: boolean;
  readonly data: Record<string, unknown>;
  end(chunk?: Uint8Array): void;
}

interface Internals {
  ref(data: Record<string, unknown>): Reference;
  endAcroForm: () => void;
  addNamedEmbeddedFile(name: string, file: Reference): void;
  readonly _root: { readonly data: Record<string, unknown> };
  readonly page: { readonly dictionary: Reference; readonly annotations: unknown[] };
}

const internals = (sheet: Sheet): Internals => sheet.doc as unknown as Internals;

/** A text of PDF, not a name. */
const literal = (text: string): unknown => new String(text);

/** A name with what a name may not hold escaped: §7.3.5. */
const nameOf = (mediaType: string): string =>
  mediaType.replace(/[^A-Za-z0-9.+-]/g, (c) => `#${c.charCodeAt(0).toString(16).padStart(2, '0')}`);

/**
 * The certificate is stored as it is, without any filter: a checker finds it by looking for its first bytes, and needs
 * no decompressor. Those of a deed are not, lest a deed with one item pass for that item's certificate on paper.
 */
export function embed(
  sheet: Sheet,
  attachments: readonly Attachment[],
  description: (one: Attachment) => string,
): void {
  const pdf = internals(sheet);
  const all = attachments.map((attachment) => {
    const { name, mediaType, bytes, kind } = attachment;
    const file = pdf.ref({
      Type: 'EmbeddedFile',
      Subtype: nameOf(mediaType),
      Params: { Size: bytes.length },
    });
    file.compress = kind !== 'certificate';
    file.end(bytes);
    const specification = pdf.ref({
      Type: 'Filespec',
      AFRelationship: kind === 'token' ? 'Supplement' : 'Data',
      F: literal(name),
      UF: literal(name),
      Desc: literal(description(attachment)),
      EF: { F: file, UF: file },
    });
    specification.end();
    pdf.addNamedEmbeddedFile(name, specification);
    return specification;
  });
  pdf._root.data['AF'] = all;
}

/** Where the signature goes, in bytes from the beginning of the object that holds it. */
export interface SignaturePlace {
  /** offset of the signature's object in the file */
  readonly offset: number;
}

/** Ten digits: more than any file that we make; written over when the offsets are known. */
export const RANGE_PLACE = '**********';

/** The last object with bytes of ours: nothing that anybody else wrote stands behind it. */
export function placeSignature(sheet: Sheet, cmsBytes: number, signedAt: Date): () => SignaturePlace {
  const pdf = internals(sheet);
  const signature = pdf.ref({
    Type: 'Sig',
    Filter: 'Adobe.PPKLite',
    SubFilter: 'ETSI.CAdES.detached',
    ByteRange: [0, RANGE_PLACE, RANGE_PLACE, RANGE_PLACE],
    Contents: Buffer.alloc(cmsBytes),
    M: signedAt,
  });
  sheet.doc.switchToPage(sheet.doc.bufferedPageRange().start);
  const field = pdf.ref({
    Type: 'Annot',
    Subtype: 'Widget',
    FT: 'Sig',
    T: literal('seal'),
    V: signature,
    // Print and Locked; it has no picture of its own: what it says is printed as text.
    F: 132,
    Rect: [0, 0, 0, 0],
    P: pdf.page.dictionary,
  });
  field.end();
  pdf.page.annotations.push(field);
  const form = pdf.ref({ SigFlags: 3, Fields: [field] });
  form.end();
  pdf._root.data['AcroForm'] = form;
  // pdfkit would finish a form of its own making, with fonts; this one is whole.
  pdf.endAcroForm = () => {};
  signature.end();
  return () => ({ offset: signature.offset });
}
