import type { Dialect } from '../dialect.ts';

/*
 * Cases and their events. An event's entry stands in the journal; here is where it belongs, and what it says, which may
 * be erased. Rows of events are never deleted.
 */
export const cases = ({ text, integer, bytes, end, countedEnd }: Dialect): readonly string[] => [
  `create table cases (
    id ${text} primary key, procedure ${text} not null, state ${text} not null, organization ${text} not null,
    data text not null, clocks text not null, opened_ms ${integer} not null, updated_ms ${integer} not null,
    due_ms ${integer}, events ${integer} not null check (events >= 1),
    last ${text} not null check (length(last) = 64)) ${end}`,
  'create index cases_due on cases (due_ms) where due_ms is not null',
  `create table case_parties (
    case_id ${text} not null references cases, organization ${text} not null, part ${text} not null,
    until_ms ${integer}, primary key (case_id, organization, part)) ${end}`,
  'create index case_parties_by_organization on case_parties (organization, case_id)',
  `create table case_events (
    case_id ${text} not null references cases, place ${integer} not null check (place >= 0),
    sequence ${integer} not null unique references entries, leaf ${text} not null check (length(leaf) = 64),
    content text, primary key (case_id, place)) ${end}`,
  `create table case_serials (
    series ${text} not null, holder ${text} not null, serial ${integer} not null check (serial >= 1),
    primary key (series, holder), unique (series, serial)) ${end}`,
  `create table deeds (
    number ${text} primary key, office ${text} not null, case_id ${text} not null references cases,
    code_hash ${text} not null check (length(code_hash) = 64),
    state ${text} not null check (state in ('valid', 'corrected', 'revoked')), issued_ms ${integer} not null,
    evidence ${text}, sha256 ${text} not null check (length(sha256) = 64), history text not null) ${end}`,
  `create table office_settings (
    organization ${text} not null, name ${text} not null, value text not null, primary key (organization, name)) ${end}`,
  // Documents of megabytes: beside the key and not within its tree.
  `create table case_papers (
    case_id ${text} not null references cases, name ${text} not null, about ${text} not null, bytes ${bytes} not null,
    primary key (case_id, name)) ${countedEnd}`,
];
