import type { Certificate } from '../core/certificate/certificate.ts';
import type { Manifest } from '../core/entry/manifest.ts';
import type { AnchorFact, NotProven } from '../core/verify/report.ts';
import type { Attachment } from './pdf/embed.ts';

/** What core knows of a time-stamp token that holds. */
export interface TokenFact {
  readonly type: string;
  /** as the trust list names whose it is; undefined where it does not */
  readonly label: string | undefined;
  /** subject of the signer's certificate */
  readonly signer: string;
  readonly policy: string;
  /** hex */
  readonly serial: string;
  readonly genTime: string;
  /** null where the token does not say it */
  readonly accuracyMs: number | null;
  /** SHA-256 of the signer's certificate, hex */
  readonly fingerprint?: string | undefined;
}

/** A clock of core's facts. Later checkers know more of them: one that is not known here is printed by its name. */
export interface ClockFact {
  readonly clock: string;
  /** ISO 8601, UTC */
  readonly at: string;
  readonly proven: boolean;
  readonly token?: TokenFact | undefined;
}

/** The depositor's own signature, where it holds. */
export interface StatementFact {
  /** SHA-256 of his public key, hex */
  readonly key: string;
  readonly signedAt: string;
}

/** Who signs, as people and as programs know him. */
export interface Signer {
  readonly name: string;
  /** SHA-256 of the certificate, hex */
  readonly fingerprint: string;
}

export interface FixityFact {
  readonly checkedAt: string;
  readonly result: 'ok' | 'missing' | 'damaged';
}

/** Readings by the operator's staff, as their events in the log count them. */
export interface ReadingsFact {
  readonly count: number;
  /** ISO 8601, UTC */
  readonly lastAt: string;
}

/** Everything that the certificate on paper is made of. Nothing is fetched, and no clock is looked at. */
export interface CertificateInput {
  readonly certificate: Certificate;
  /** of core's report */
  readonly facts: {
    readonly when: readonly ClockFact[];
    readonly counts: ClockFact | undefined;
    readonly anchors: readonly AnchorFact[];
    readonly tokens?: readonly TokenFact[] | undefined;
    readonly who: { readonly statement: StatementFact | undefined };
  };
  readonly notProven: readonly NotProven[];
  readonly testChain: boolean;
  /** the last check of each file of the manifest, in its order; null where there was none */
  readonly fixity: readonly (FixityFact | null)[];
  /** undefined where nobody ever read it */
  readonly readings: ReadingsFact | undefined;
  readonly issuer: Signer;
  readonly seal: Signer;
  /** SHA-256 of the checker that is handed out for checks off line, hex */
  readonly checker: string | undefined;
  readonly publicUrl: string;
  readonly attached: readonly Pick<Attachment, 'name' | 'kind'>[];
}

/** The manifest that says who and when: the entry itself, or the one that holds the folder's root. */
export const manifestOf = ({ entry, inclusion }: Certificate): Manifest | undefined =>
  inclusion.folder?.manifest ?? (entry.format === 'kezheng-manifest/1' ? (entry as Manifest) : undefined);

/** Of a folder by its root, and of none of its files. */
export const isWholeFolder = ({ entry }: Certificate): boolean =>
  entry.format === 'kezheng-manifest/1' && (entry as Manifest).folder !== null;

/** The first that the issuer states under this name, or the one of the anchor at `nth`. */
export const statedIn = ({ stated }: Certificate, name: string, nth = 0): string | undefined =>
  stated.filter((one) => one.name === name)[nth]?.value;
