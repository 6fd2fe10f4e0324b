import type { Dialect } from '../dialect.ts';

/*
 * Webhooks, what they are told, and what became of it. Cursors begin at what there is: nothing of before is told.
 * A webhook that was removed has no place, and stays until its deliveries are gone.
 */
export const webhooks = ({ text, integer, bytes, end }: Dialect): readonly string[] => [
  `create table webhooks (
    id ${text} primary key, organization ${text} not null, place ${integer} check (place >= 1),
    url ${text} not null, description text not null, types text not null, secret ${bytes} not null,
    previous ${bytes}, previous_until_ms ${integer}, created_ms ${integer} not null, disabled_ms ${integer},
    disabled_why ${text} check (disabled_why in ('by-owner', 'gone', 'failing')), failing_since_ms ${integer},
    rests_until_ms ${integer}, last_number ${integer} not null,
    unique (organization, place), check ((disabled_ms is null) = (disabled_why is null)),
    check ((previous is null) = (previous_until_ms is null))) ${end}`,
  `create table webhook_messages (
    id ${text} primary key, organization ${text} not null, type ${text} not null, at_ms ${integer} not null,
    data text not null) ${end}`,
  `create table webhook_deliveries (
    id ${text} primary key, webhook ${text} not null references webhooks,
    number ${integer} not null check (number >= 1), message ${text} not null references webhook_messages,
    state ${text} not null check (state in ('waiting', 'delivered', 'failed')), attempts ${integer} not null,
    tries ${integer} not null, due_ms ${integer}, created_ms ${integer} not null, settled_ms ${integer},
    unique (webhook, number), check ((state = 'waiting') = (due_ms is not null)),
    check ((state = 'waiting') = (settled_ms is null))) ${end}`,
  'create index webhook_deliveries_due on webhook_deliveries (webhook, due_ms, number) where due_ms is not null',
  'create index webhook_deliveries_by_state on webhook_deliveries (webhook, state, number)',
  'create index webhook_deliveries_by_message on webhook_deliveries (message)',
  'create index webhook_deliveries_settled on webhook_deliveries (settled_ms) where settled_ms is not null',
  `create table webhook_attempts (
    delivery ${text} not null references webhook_deliveries, number ${integer} not null check (number >= 1),
    at_ms ${integer} not null, duration_ms ${integer} not null, status ${integer}, error ${text},
    primary key (delivery, number), check ((status is null) <> (error is null))) ${end}`,
  `create table webhook_cursors (source ${text} primary key, sequence ${integer} not null) ${end}`,
  "insert into webhook_cursors select 'cases', coalesce(max(sequence), 0) from entries",
  "insert into webhook_cursors select 'batched', coalesce(max(last_sequence), 0) from batches",
  "insert into webhook_cursors select 'certified', coalesce(max(last_sequence), 0) from batches where progress = 3",
];
