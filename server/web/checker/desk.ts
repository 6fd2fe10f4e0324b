import { HEAD_FORMAT } from '../../core/case/head.ts';
import { MAX_CONTENT_BYTES } from '../../core/entry/event-content.ts';
import { sha256 } from '../../core/hash/sha256.ts';
import { toHex } from '../../core/read/bytes.ts';
import { FormatError } from '../../core/reason.ts';
import { formatOf, MAX_RENEWAL_BYTES, RENEWAL_FORMAT } from '../../core/renewal/renewal.ts';
import type { GivenFile } from '../../core/verify/files.ts';
import { MAX_TRUST_BYTES, parseTrust } from '../../core/verify/trust.ts';
import { bothLanguages } from '../../messages/sentence.ts';
import { outcomeOf } from './check.ts';
import { HashQueue } from './hashing.ts';
import { certificateAmong, openInput, readStart } from './input.ts';
import { EMPTY, type FileSlot, type From, type GivenBlock, type Outcome, type State } from './state.ts';

type Change = 'reading' | 'certificate' | 'files' | 'progress' | 'trust' | 'blocks' | 'outcome';

/**
 * The desk of the one who checks: what he laid on it, and what comes of it. Every input of the page ends in one of these
 * methods, and so does every test of the page; after each change the whole check runs again, a few milliseconds.
 */
export class Desk {
  state: State = EMPTY;
  readonly #hashing = new HashQueue();
  readonly #listeners: ((change: Change) => void)[] = [];
  readonly #settling: (() => void)[] = [];
  /** counts the checks: what comes of an earlier one than the last is out of date */
  #checks = 0;
  #lastCheck: Promise<void> = Promise.resolve();
  #broken = false;
  /** originals that came in the package that is laid down as the certificate */
  #packed: readonly FileSlot[] = [];
  /** of two files that are given for the same place the later one stays, whichever is read first */
  readonly #turns = { certificate: 0, trust: 0 };

  onChange(listener: (change: Change) => void): void {
    this.#listeners.push(listener);
  }

  /** Of several files one is the certificate or holds it; the rest are originals. */
  async giveTogether(files: readonly File[]): Promise<void> {
    if (files.length === 0) return;
    const turn = ++this.#turns.certificate;
    const certificate = await this.#reading(() => certificateAmong(files));
    void this.addFiles(files.filter((file) => file !== certificate));
    await this.#open(certificate, turn);
  }

  /** The file may be a container; the originals in it are laid beside. */
  giveCertificate(file: File): Promise<void> {
    return this.#open(file, ++this.#turns.certificate);
  }

  async #open(file: File, turn: number): Promise<void> {
    const opened = await this.#reading(() => openInput(file));
    if (turn !== this.#turns.certificate) return this.#set('reading', {});
    this.#layOut('files' in opened ? opened.files : []);
    const nothing = { certificate: undefined, case: undefined, certificateWrong: undefined };
    if ('wrong' in opened) return this.#set('certificate', { ...nothing, certificateWrong: opened.wrong });
    if ('case' in opened) {
      const given = { name: file.name, contents: opened.case };
      return this.#set('certificate', { ...nothing, case: given });
    }
    const { certificate: bytes, pdf } = opened;
    const certificate = { name: file.name, bytes, pdf, sha256: toHex(sha256(bytes)) };
    return this.#set('certificate', { ...nothing, certificate });
  }

  /** The originals of a package; those of the one before go with it. */
  #layOut(files: readonly File[]): void {
    const before = this.#packed;
    for (const slot of before) slot.takeBack();
    this.#packed = files.map((file) => this.#hash(file));
    if (before.length + files.length > 0)
      void this.#set('files', {
        files: [...this.state.files.filter((slot) => !before.includes(slot)), ...this.#packed],
      });
  }

  /** Originals, and among them renewals, which go with the certificate, and heads, which go with a case. */
  async addFiles(files: readonly File[]): Promise<void> {
    const maybe = files.filter(mayBeOurs);
    const others = files.filter((file) => !maybe.includes(file)).map((file) => this.#hash(file));
    const known = this.#set('files', { files: [...this.state.files, ...others] });
    if (maybe.length === 0) return known;
    const read = await this.#reading(() => Promise.all(maybe.map(oursIn)));
    const slots = maybe.map((file, i) => {
      const ours = read[i];
      return ours === undefined ? this.#hash(file) : slotOf(file, ours);
    });
    return this.#set('files', { files: [...this.state.files, ...slots] });
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

  /** A list that has to be asked for has its turn from then on; undefined where there was none to get. */
  async giveTrust(list: Blob | Promise<Blob | undefined>, name: string, from: From): Promise<void> {
    const turn = ++this.#turns.trust;
    const given = await this.#reading(async () => {
      const file = await list;
      return file && readTrust(file, name, from);
    });
    if (given === undefined || turn !== this.#turns.trust) return this.#set('reading', {});
    return this.#set('trust', { trust: undefined, trustWrong: undefined, ...given });
  }

  takeTrust(): Promise<void> {
    this.#turns.trust++;
    return this.#set('trust', { trust: undefined, trustWrong: undefined });
  }

  /** What a source says of a block; undefined takes it back. */
  giveBlock(key: string, given: GivenBlock | undefined): Promise<void> {
    const blocks = new Map(this.state.blocks);
    if (given === undefined) blocks.delete(key);
    else blocks.set(key, given);
    return this.#set('blocks', { blocks });
  }

  /** When everything that was given up to now is checked, hashing included. */
  async settled(): Promise<Outcome> {
    const isBusy = () =>
      this.state.reading > 0 ||
      this.state.files.some(({ state }) => state === 'waiting' || state === 'hashing');
    for (let checked: Promise<void> | undefined; isBusy() || checked !== this.#lastCheck; ) {
      if (isBusy())
        await new Promise<void>((changed) => {
          this.#settling.push(changed);
        });
      checked = this.#lastCheck;
      await checked;
    }
    return this.state.outcome;
  }

  /** An error that nobody foresaw: what was given may be half there, so that no verdict comes any more. */
  breakOff(error: unknown): void {
    this.#broken = true;
    const why = error instanceof Error ? `${error.name}: ${error.message}` : String(error);
    this.state = { ...this.state, outcome: { kind: 'broken', why } };
    this.#tell('outcome');
  }

  /** While something is read, what was there before says nothing any more. */
  async #reading<T>(read: () => Promise<T>): Promise<T> {
    void this.#set('reading', { reading: this.state.reading + 1 });
    try {
      return await read();
    } finally {
      // Whoever asked says now what came of it, and with that the check runs again.
      this.state = { ...this.state, reading: this.state.reading - 1 };
    }
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
    const bytes = async () => new Uint8Array(await file.arrayBuffer());
    const small = size <= MAX_CONTENT_BYTES ? { bytes } : {};
    const slot: FileSlot = { name, size, state: 'waiting', done: 0, given: undefined, takeBack, ...small };
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
    if (number !== this.#checks || this.#broken) return;
    this.state = { ...this.state, outcome };
    this.#tell('outcome');
  }

  #tell(change: Change): void {
    for (const listener of this.#listeners) listener(change);
    for (const changed of this.#settling.splice(0)) changed();
  }
}

/** Only what is called so is read to see: an original may be large. */
const mayBeOurs = ({ name, size }: File): boolean => /\.json$/i.test(name) && size <= MAX_RENEWAL_BYTES;

type Ours = Pick<FileSlot, 'renewal' | 'head'>;

/** A renewal or a head; undefined where it is another file, or cannot be read, which hashing will tell. */
async function oursIn(file: File): Promise<Ours | undefined> {
  try {
    const bytes = new Uint8Array(await file.arrayBuffer());
    const format = formatOf(bytes);
    if (format === RENEWAL_FORMAT) return { renewal: bytes };
    return format === HEAD_FORMAT ? { head: bytes } : undefined;
  } catch (error) {
    if (error instanceof DOMException) return undefined;
    throw error;
  }
}

const slotOf = ({ name, size }: File, ours: Ours): FileSlot => ({
  ...{ name, size, ...ours, state: 'done', done: size, given: undefined },
  takeBack() {},
});

async function readTrust(file: Blob, name: string, from: From): Promise<Partial<State>> {
  try {
    // One byte more than core allows: it says itself that the list is too large.
    const bytes = await readStart(file, MAX_TRUST_BYTES + 1);
    return { trust: { name, from, sha256: toHex(sha256(bytes)), trust: parseTrust(bytes) } };
  } catch (error) {
    if (error instanceof FormatError)
      return { trustWrong: bothLanguages('reason', error.code, error.detail) };
    if (error instanceof DOMException)
      return { trustWrong: bothLanguages('page', 'container-unreadable', { name }) };
    throw error;
  }
}

declare global {
  interface Window {
    /** The same desk that the inputs of the page use: for whoever drives the page by a program. */
    kezheng: Desk;
  }
}
