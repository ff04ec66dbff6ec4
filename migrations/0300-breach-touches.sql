-- owner: breach
-- What the entries of a tenant's log name, so that the scope of an incident is looked up and not searched for. The log
-- is the truth: all of this is made from its entries, by a follower with one cursor a log, and can be made again.
create table breach_cursors (
  tenant_id text not null primary key,
  -- Entries below this index are in the tables here.
  indexed_to bigint not null
);
select sluss_tenant_table('breach_cursors', 'select, insert, update, delete');
select sluss_enumerable('breach_cursors');

-- A subject as the ledger names it, by a number that is short in the arrays below.
create table breach_subjects (
  tenant_id text not null,
  subject_no bigint generated always as identity,
  subject text not null,
  primary key (tenant_id, subject)
);
create unique index breach_subjects_by_number on breach_subjects (tenant_id, subject_no) include (subject);
select sluss_tenant_table('breach_subjects', 'select, insert, delete');

-- Entries of one plan carry the same items at the same precision, again and again.
create table breach_item_sets (
  tenant_id text not null,
  item_set bigint generated always as identity,
  -- SHA-256 of the canonical JSON of `items`.
  set_hash text not null,
  -- Item to precision.
  items jsonb not null,
  primary key (tenant_id, set_hash)
);
create unique index breach_item_sets_by_number on breach_item_sets (tenant_id, item_set);
select sluss_tenant_table('breach_item_sets', 'select, insert, delete');

-- One row for what one entry tells of one connection and up to 200 subjects.
create table breach_touches (
  tenant_id text not null,
  entry_index bigint not null,
  part int not null,
  entry_id uuid not null,
  at timestamptz not null,
  touch text not null check (touch in ('sent', 'answered', 'seen', 'received', 'refused')),
  actor text not null,
  party text,
  connection text,
  grant_id text,
  node text,
  policies text,
  record_kind text,
  item_set bigint not null,
  subjects bigint[] not null,
  -- Index of the outcome that says that nothing of it left after all.
  unsent_index bigint,
  primary key (tenant_id, entry_index, part)
);
select sluss_tenant_table('breach_touches', 'select, insert, update, delete');
select sluss_enumerable('breach_touches');

create index breach_touches_actor on breach_touches (tenant_id, actor, at)
  include (entry_index, touch, item_set, subjects, unsent_index);
create index breach_touches_party on breach_touches (tenant_id, party, at)
  include (entry_index, touch, item_set, subjects, unsent_index) where party is not null;
create index breach_touches_connection on breach_touches (tenant_id, connection, at)
  include (entry_index, touch, item_set, subjects, unsent_index) where connection is not null;
create index breach_touches_grant on breach_touches (tenant_id, grant_id, at)
  include (entry_index, touch, item_set, subjects, unsent_index) where grant_id is not null;
create index breach_touches_node on breach_touches (tenant_id, node, at) where node is not null;
create index breach_touches_policies on breach_touches (tenant_id, policies, at) where policies is not null;
create index breach_touches_at on breach_touches (tenant_id, at);
create index breach_touches_entry on breach_touches (tenant_id, entry_id);
-- Numbers of subjects are unique over all tenants, so this finds the rows of one tenant only.
create index breach_touches_subject on breach_touches using gin (subjects);

-- Which key let which account in, from when until when.
create table breach_credentials (
  tenant_id text not null,
  credential text not null,
  account text not null,
  from_at timestamptz not null,
  until_at timestamptz,
  primary key (tenant_id, credential)
);
select sluss_tenant_table('breach_credentials', 'select, insert, update, delete');
select sluss_enumerable('breach_credentials');

-- Which code ran on which node since when, as the installation's log says.
create table breach_node_starts (
  tenant_id text not null,
  entry_index bigint not null,
  node text not null,
  version text not null,
  at timestamptz not null,
  primary key (tenant_id, entry_index)
);
select sluss_tenant_table('breach_node_starts', 'select, insert, delete');

-- Logs that have ever been followed, a deleted tenant's among them.
create function sluss_breach_logs() returns table (tenant_id text, indexed_to bigint)
language sql stable security definer set search_path = public as
'select c.tenant_id, c.indexed_to from breach_cursors c order by 1';

create function sluss_breach_credential(wanted text)
returns table (tenant_id text, account text, from_at timestamptz, until_at timestamptz)
language sql stable security definer set search_path = public as
'select c.tenant_id, c.account, c.from_at, c.until_at from breach_credentials c where c.credential = wanted';

-- Over all tenants, what the log has of the names in a column: identifiers, times and counts only. Each tenant is one
-- probe of the index that begins with it.
create function sluss_breach_overview(by text, names text[], from_at timestamptz, to_at timestamptz, wanted text[])
returns table (tenant_id text, entries bigint, subjects bigint, item_sets bigint[], first_at timestamptz, last_at timestamptz)
language plpgsql stable security definer set search_path = public as $$
declare
  condition text;
  touches text := 't.touch = any($4)';
begin
  -- What nearly every question asks for, in the cheapest words for it.
  if wanted @> array['sent', 'answered', 'seen', 'received'] and not 'refused' = any(wanted) then
    touches := 't.touch <> ''refused''';
  end if;
  condition := case by
    when 'actor' then 't.actor = any($1)'
    when 'party' then 't.party = any($1)'
    when 'connection' then 't.connection = any($1)'
    when 'grant' then 't.grant_id = any($1)'
    when 'node' then 't.node = any($1)'
    when 'policies' then 't.policies = any($1)'
    when 'window' then '$1 is not null'
  end;
  if condition is null then
    raise exception 'entries are not looked up by that' using errcode = 'check_violation';
  end if;
  return query execute format($q$
    select c.tenant_id, o.entries, o.subjects, o.item_sets, o.first_at, o.last_at
      from breach_cursors c
      cross join lateral (
        select count(distinct h.entry_index) as entries, count(distinct h.subject) as subjects,
               array_agg(distinct h.item_set) as item_sets, min(h.at) as first_at, max(h.at) as last_at
          from (select t.entry_index, t.at, t.item_set,
                       unnest(case when t.subjects = '{}' then array[null::bigint] else t.subjects end) as subject
                  from breach_touches t
                 where t.tenant_id = c.tenant_id and %s and t.at >= $2 and t.at < $3
                   and %s and t.unsent_index is null) h
      ) o
     where o.entries > 0 order by 1$q$, condition, touches)
    using names, from_at, to_at, wanted;
end
$$;
