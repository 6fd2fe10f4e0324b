import type {
  AccountEvent,
  IdentityNumber,
  Passkey,
  PeopleStore,
  Person,
  Ticket,
} from '../../server/ports/people.ts';

/*
 * What parts of identity/ need of the store, in memory: for tests of those parts alone. The suites of the store hold
 * that the databases do the same.
 */

type Kept = Pick<
  PeopleStore,
  | 'person'
  | 'setTotp'
  | 'takeTotpStep'
  | 'addPasskey'
  | 'passkey'
  | 'passkeysOf'
  | 'usePasskey'
  | 'removePasskey'
  | 'setRecoveryCodes'
  | 'recoveryCodesLeft'
  | 'useRecoveryCode'
  | 'addTicket'
  | 'takeTicket'
  | 'recordAccountEvent'
  | 'addIdentityNumber'
  | 'identityNumber'
  | 'eraseIdentityNumber'
>;

export interface MemoryPeople extends Kept {
  readonly events: readonly AccountEvent[];
  readonly numbers: Map<string, IdentityNumber>;
  readonly persons: Map<string, Person>;
}

export function memoryPeople(persons: readonly Person[] = []): MemoryPeople {
  const byId = new Map(persons.map((one) => [one.id, one]));
  const passkeys = new Map<string, Passkey>();
  const codes = new Map<string, Set<string>>();
  const tickets = new Map<string, Ticket>();
  const events: AccountEvent[] = [];
  const numbers = new Map<string, IdentityNumber>();
  const change = (id: string, changed: Partial<Person>) => byId.set(id, { ...byId.get(id)!, ...changed });
  return {
    events,
    numbers,
    persons: byId,
    person: async (id) => byId.get(id),
    async setTotp(person, totp) {
      change(person, { totp });
    },
    async takeTotpStep(person, step) {
      if (step <= byId.get(person)!.totpStep) return false;
      change(person, { totpStep: step });
      return true;
    },
    async addPasskey(passkey) {
      if (passkeys.has(passkey.id)) return false;
      passkeys.set(passkey.id, passkey);
      return true;
    },
    passkey: async (id) => passkeys.get(id),
    passkeysOf: async (person) => [...passkeys.values()].filter((one) => one.person === person),
    async usePasskey(id, counter, nowMs) {
      const kept = passkeys.get(id)!;
      if (counter <= kept.counter && (counter > 0 || kept.counter > 0)) return false;
      passkeys.set(id, { ...kept, counter, usedMs: nowMs });
      return true;
    },
    removePasskey: async (person, id) => passkeys.get(id)?.person === person && passkeys.delete(id),
    async setRecoveryCodes(person, hashes) {
      codes.set(person, new Set(hashes));
    },
    recoveryCodesLeft: async (person) => codes.get(person)?.size ?? 0,
    useRecoveryCode: async (person, hash) => codes.get(person)?.delete(hash) ?? false,
    async addTicket(ticket) {
      tickets.set(ticket.id, ticket);
    },
    async takeTicket(id, kind, nowMs) {
      const ticket = tickets.get(id);
      if (ticket?.kind !== kind) return undefined;
      tickets.delete(id);
      return ticket.expiresMs > nowMs ? ticket : undefined;
    },
    async recordAccountEvent(event) {
      events.push(event);
    },
    async addIdentityNumber(number) {
      numbers.set(number.id, number);
    },
    identityNumber: async (id) => numbers.get(id),
    async eraseIdentityNumber(id, nowMs) {
      const kept = numbers.get(id);
      if (kept === undefined || kept.erasedMs !== undefined) return false;
      numbers.set(id, { ...kept, sealed: new Uint8Array(), erasedMs: nowMs });
      return true;
    },
  };
}
