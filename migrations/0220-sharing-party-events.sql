-- owner: sharing
-- Changes that a party took in and will say later what became of. Nothing personal: the party's name of the event.
create table party_events (
  tenant_id text not null,
  connection_id text not null,
  event_id text not null,
  entry_id uuid not null,
  -- The exchange by which the party is asked.
  asked_by text not null,
  accepted_at timestamptz not null,
  asked_at timestamptz,
  next_ask_at timestamptz not null,
  settled text check (settled in ('delivered', 'in_part', 'rejected', 'unknown')),
  settled_at timestamptz,
  primary key (tenant_id, connection_id, event_id)
);
create index party_events_due on party_events (next_ask_at) where settled is null;
select sluss_tenant_table('party_events', 'select, insert, update');
select sluss_enumerable('party_events');

create function sluss_due_party_events(at timestamptz, most int)
returns table (tenant_id text, connection_id text, event_id text, entry_id uuid, asked_by text, accepted_at timestamptz)
language sql stable security definer set search_path = public as
'select e.tenant_id, e.connection_id, e.event_id, e.entry_id, e.asked_by, e.accepted_at from party_events e
  where e.settled is null and e.next_ask_at <= at order by e.next_ask_at limit most';

-- Pseudonyms by which a party knows people, and whom they stand for, under the key of each.
create table party_names (
  tenant_id text not null,
  party_id text not null,
  item_id text not null,
  name text not null,
  subject_id uuid not null,
  sealed bytea not null,
  primary key (tenant_id, party_id, item_id, name)
);
create index party_names_by_subject on party_names (tenant_id, subject_id);
select sluss_tenant_table('party_names', 'select, insert, update, delete');
