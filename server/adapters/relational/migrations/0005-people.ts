import type { Dialect } from '../dialect.ts';

/*
 * People, what they prove themselves with, and their sessions. Nothing here is of use to whoever reads a copy: tokens
 * and codes are hashes, passwords are argon2id, what is read again is sealed.
 */
export const people = ({ text, integer, bytes, counted, end, countedEnd }: Dialect): readonly string[] => [
  `create table persons (
    id ${text} primary key, login ${text} not null unique, name text not null, password text, totp ${bytes},
    totp_step ${integer} not null, created_ms ${integer} not null, closed_ms ${integer}) ${end}`,
  // Of accounts, and of logins that are nobody's: these are told apart by nothing.
  `create table sign_in_failures (
    account ${text} primary key, count ${integer} not null check (count >= 1), until_ms ${integer} not null,
    last_ms ${integer} not null) ${end}`,
  'create index sign_in_failures_by_time on sign_in_failures (last_ms)',
  `create table memberships (
    person ${text} not null references persons, organization ${text} not null, roles text not null,
    since_ms ${integer} not null, ended_ms ${integer}, primary key (person, organization)) ${end}`,
  'create index memberships_by_organization on memberships (organization, person)',
  // One row an organization: whoever changes who is in it waits here for whoever does.
  `create table membership_changes (organization ${text} primary key, count ${integer} not null) ${end}`,
  `create table invitations (
    id ${text} primary key, organization ${text} not null, person ${text} references persons, roles text not null,
    note text not null, token_hash ${text} not null unique check (length(token_hash) = 64),
    invited_by ${text} not null, created_ms ${integer} not null, expires_ms ${integer} not null,
    used_ms ${integer}, revoked_ms ${integer}) ${end}`,
  'create index invitations_by_organization on invitations (organization, id)',
  'create index invitations_by_end on invitations (expires_ms)',
  `create table sessions (
    id ${text} primary key check (length(id) = 64), person ${text} not null references persons,
    organization ${text} not null, created_ms ${integer} not null, seen_ms ${integer} not null,
    expires_ms ${integer} not null, proved_ms ${integer} not null, factors text not null) ${end}`,
  'create index sessions_by_person on sessions (person)',
  'create index sessions_by_end on sessions (expires_ms)',
  `create table passkeys (
    id ${text} primary key, person ${text} not null references persons, public_key ${bytes} not null,
    counter ${integer} not null, transports text not null, label text not null, created_ms ${integer} not null,
    used_ms ${integer}) ${end}`,
  'create index passkeys_by_person on passkeys (person)',
  `create table recovery_codes (
    person ${text} not null references persons, hash ${text} not null, primary key (person, hash)) ${end}`,
  `create table subjects (
    issuer ${text} not null, subject ${text} not null, person ${text} not null references persons,
    linked_ms ${integer} not null, primary key (issuer, subject)) ${end}`,
  'create index subjects_by_person on subjects (person)',
  `create table tickets (
    id ${text} primary key check (length(id) = 64), kind ${text} not null, person ${text}, data text not null,
    expires_ms ${integer} not null) ${end}`,
  'create index tickets_by_end on tickets (expires_ms)',
  `create table account_events (
    id ${counted}, person ${text}, organization ${text}, at_ms ${integer} not null, action ${text} not null,
    detail text not null) ${countedEnd}`,
  'create index account_events_by_person on account_events (person, at_ms)',
  'create index account_events_by_organization on account_events (organization, at_ms)',
  `create table identity_numbers (
    id ${text} primary key, organization ${text} not null, kind ${text} not null, masked text not null,
    sealed ${bytes} not null, created_ms ${integer} not null, erased_ms ${integer}) ${end}`,
  `create table key_uses (key ${text} primary key, at_ms ${integer} not null) ${end}`,
  // Which person a key comes from; one that the command line made comes from nobody.
  `create table key_makers (
    key ${text} primary key, person ${text} not null references persons, organization ${text} not null) ${end}`,
  'create index key_makers_by_person on key_makers (person, organization)',
  // Organizations that ask a second factor of their people beyond those that always do.
  `create table second_factor_demands (organization ${text} primary key, since_ms ${integer} not null) ${end}`,
];
