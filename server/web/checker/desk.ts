import { sha256 } from '../../core/hash/sha256.ts';
import { toHex } from '../../core/read/bytes.ts';
import { FormatError } from '../../core/reason.ts';
import type { ComparedBlock } from '../../core/verify/anchors.ts';
import type { GivenFile } from '../../core/verify/files.ts';
import { parseTrust, type Trust } from '../../core/verify/trust.ts';
import { bothLanguages } from '../../messages/sentence.ts';
import type { Both } from '../shared/words.ts';
import { type Outcome, outcomeOf } from './check.ts';
import { HashQueue, type NotHashed } from './hashing.ts';
import { openInput, readStart } from './input.ts';

/** One byte more than core allows for a trust list: it says itself that the list is too large. */
const MAX_TRUST_BYTES = 4 * 1024 * 1024 + 1;

/** Who gave it: a person, or the service that is being checked. */
export type From = 'person' | 'service';

export interface GivenCertificate {
  readonly name: string;
  readonly bytes: Uint8Array;
  readonly sha256: string;
}

export interface GivenTrust {
  /** the file's name, or the service's host */
  readonly name: string;
  readonly from: From;
  readonly sha256: string;
  readonly trust: Trust;
}

export interface FileSlot {
  readonly name: string;
  readonly size: number | undefined;
  state: 'waiting' | 'hashing' | 'done' | NotHashed;
  /** bytes hashed so far */
  done: number;
  given: GivenFile | undefined;
  readonly takeBack: () => void;
}

export interface GivenBlock {
  readonly from: From;
  readonly block: ComparedBlock;
}

/** What is on the desk, all of it; whatever shows it reads it from here. */
export interface State {
  readonly certificate: GivenCertificate | undefined;
  readonly certificateWrong: Both | undefined;
  readonly files: readonly FileSlot[];
  readonly trust: GivenTrust | undefined;
  readonly trustWrong: Both | undefined;
  /** by a key of whoever gave them, so that a second answer takes the place of the first */
  readonly blocks: ReadonlyMap<string, GivenBlock>;
  readonly outcome: Outcome;
}

type Change = 'certificate' | 'files' | 'progress' | 'trust' | 'blocks' | 'outcome';

const EMPTY: State = {
  certificate: undefined,
  certificateWrong: undefined,
  files: [],
  trust: undefined,
  trustWrong: undefined,
  blocks: new Map(),
  outcome: { kind: 'empty' },
};

/**
 * The desk of the one who checks: what he laid on it, and what comes of it. Every input of the page ends in one of these
 * methods, and so does every test of the page; after each change the whole check runs again, a few milliseconds.
 */
export class Desk {
  state: State = EMPTY;
  readonly #hashing = new HashQueue();
  readonly #listeners: ((change: Change) => void)[] = [];
  /** counts the checks: what comes of an earlier one than the last is out of date */
  #checks = 0;
  #lastCheck: Promise<void> = Promise.resolve();

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  /** The file may be a container; the originals in it are laid beside. */
  async giveCertificate(file: File): Promise<void> {
    const opened = await openInput(file);
    if ('wrong' in opened) {
      const certificateWrong = bothLanguages('page', opened.wrong, opened.detail);
      return this.#set('certificate', { certificate: undefined, certificateWrong });
    }
    const bytes = opened.certificate;
    const certificate = { name: file.name, bytes, sha256: toHex(sha256(bytes)) };
    this.addFiles(opened.files);
    return this.#set('certificate', { certificate, certificateWrong: undefined });
  }

  addFiles(files: readonly File[]): Promise<void> {
    return this.#set('files', { files: [...this.state.files, ...files.map((file) => this.#hash(file))] });
  }

  /** Digests instead of files: reported as supplied. */
  addDigests(digests: readonly Omit<GivenFile, 'basis'>[]): Promise<void> {
    const slots = digests.map((digest): FileSlot => {
      const given = { ...digest, basis: 'supplied' } as const;
      const name = digest.name ?? digest.sha256;
      return { name, size: digest.size, state: 'done', done: 0, given, takeBack: () => {} };
    });
    return this.#set('files', { files: [...this.state.files, ...slots] });
  }

  removeFile(slot: FileSlot): Promise<void> {
    slot.takeBack();
    return this.#set('files', { files: this.state.files.filter((one) => one !== slot) });
  }

  async giveTrust(file: Blob, name: string, from: From): Promise<void> {
    try {
      const bytes = await readStart(file, MAX_TRUST_BYTES);
      const trust = { name, from, sha256: toHex(sha256(bytes)), trust: parseTrust(bytes) };
      return this.#set('trust', { trust, trustWrong: undefined });
    } catch (error) {
      return this.#set('trust', { trust: undefined, trustWrong: whyNoTrust(error, name) });
    }
  }

  /** What a source says of a block; undefined takes it back. */
  giveBlock(key: string, given: GivenBlock | undefined): Promise<void> {
    const blocks = new Map(this.state.blocks);
    if (given === undefined) blocks.delete(key);
    else blocks.set(key, given);
    return this.#set('blocks', { blocks });
  }

  async clear(): Promise<void> {
    for (const slot of this.state.files) slot.takeBack();
    this.state = EMPTY;
    for (const change of ['certificate', 'files', 'trust', 'blocks'] as const) await this.#set(change, {});
  }

  /** When everything that was given up to now is checked, hashing included. */
  async settled(): Promise<Outcome> {
    const isHashing = () => this.state.files.some(({ state }) => state === 'waiting' || state === 'hashing');
    while (isHashing())
      await new Promise<void>((changed) => {
        this.onChange(() => changed());
      });
    await this.#lastCheck;
    return this.state.outcome;
  }

  #hash(file: File): FileSlot {
    const { name, size } = file;
    const takeBack = this.#hashing.add(file, {
      onProgress: (done) => {
        slot.state = 'hashing';
        slot.done = done;
        this.#tell('progress');
      },
      onDone: (digests) => {
        slot.state = 'done';
        slot.given = { name, size, ...digests, basis: 'recomputed' };
        void this.#set('files', {});
      },
      onFailed: (why) => {
        slot.state = why;
        void this.#set('files', {});
      },
    });
    const slot: FileSlot = { name, size, state: 'waiting', done: 0, given: undefined, takeBack };
    return slot;
  }

  #set(change: Change, more: Partial<State>): Promise<void> {
    this.state = { ...this.state, ...more };
    this.#tell(change);
    this.#lastCheck = this.#check();
    return this.#lastCheck;
  }

  async #check(): Promise<void> {
    const number = ++this.#checks;
    const outcome = await outcomeOf(this.state);
    if (number !== this.#checks) return;
    this.state = { ...this.state, outcome };
    this.#tell('outcome');
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
  }
}

function whyNoTrust(error: unknown, name: string): Both {
  if (error instanceof FormatError) return bothLanguages('reason', error.code, error.detail);
  if (error instanceof DOMException) return bothLanguages('page', 'container-unreadable', { name });
  throw error;
}
