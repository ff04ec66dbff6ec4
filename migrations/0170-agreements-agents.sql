-- owner: agreements
-- What an agent may get: {"categories": {id: ms}, "purposes": {id: ms}, "regions": {id: ms}}, each with the time at
-- which its lead time is over, in milliseconds since 1970. Null: listed without terms, for everything.
alter table agent_listings add column scope jsonb;
alter table agent_listings add column lead_time_over_at timestamptz;

-- The list as a log: each row the whole terms as they stand after the change. Never updated, never deleted.
create table agent_changes (
  tenant_id text not null,
  version bigint not null,
  party_id text not null,
  change text not null check (change in ('listed', 'changed', 'ended')),
  changed_at timestamptz not null,
  entry_id uuid not null,
  terms jsonb not null,
  primary key (tenant_id, version)
);
select sluss_tenant_table('agent_changes', 'select, insert');
select sluss_enumerable('agent_changes');

drop function sluss_agent_listing(text);
create function sluss_agent_listing(party text)
returns table (listed_at timestamptz, lead_time_over_at timestamptz, ended_at timestamptz, scope jsonb)
language sql stable security definer set search_path = public as
'select l.listed_at, coalesce(l.lead_time_over_at, l.listed_at + make_interval(days => l.lead_time_days)),
        l.ended_at, l.scope from agent_listings l where l.party_id = party';

-- The list is public: every tenant reads it, and so does anybody without an account.
create function sluss_agent_changes()
returns table (version bigint, party_id text, change text, changed_at timestamptz, entry_id uuid, terms jsonb)
language sql stable security definer set search_path = public as
'select c.version, c.party_id, c.change, c.changed_at, c.entry_id, c.terms from agent_changes c order by c.version';

-- Up to which version of the list each tenant was told.
create table agent_notices (
  tenant_id text not null primary key,
  version bigint not null
);
select sluss_tenant_table('agent_notices', 'select, insert, update');

alter table agent_objections add column settled_by text;
alter table agent_objections add column outcome text check (outcome in ('withdrawn', 'settled'));
-- Free words stay here; entries carry none.
alter table agent_objections add column reason text;
alter table agent_objections add column settled_reason text;
