-- owner: connections
-- Parties that the operator describes as data, under the tenant id `installation`. Every version stays as it was: what
-- somebody consented to can be read for ever.
create table partner_descriptions (
  tenant_id text not null,
  description_id text not null,
  version int not null check (version > 0),
  -- Canonical JSON as it was handed in, after its form was checked.
  description text not null,
  description_hash text not null,
  stored_by text not null,
  stored_at timestamptz not null,
  entry_id uuid not null,
  primary key (tenant_id, description_id, version)
);
select sluss_tenant_table('partner_descriptions', 'select, insert');

-- When a partner last answered a connection of the tenant or sent it an event, and after how many days of silence it
-- counts as unresponsive.
create table partner_states (
  tenant_id text not null,
  connection_id text not null,
  heard_at timestamptz,
  unresponsive_after_days int not null default 7 check (unresponsive_after_days between 1 and 30),
  primary key (tenant_id, connection_id)
);
select sluss_tenant_table('partner_states', 'select, insert, update');
