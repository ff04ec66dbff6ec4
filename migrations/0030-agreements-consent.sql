-- owner: agreements
create table features (
  tenant_id text not null,
  feature_id text not null,
  is_on boolean not null,
  changed_by text not null,
  changed_at timestamptz not null,
  primary key (tenant_id, feature_id)
);
select sluss_tenant_table('features', 'select, insert, update');

-- History: a consent is never deleted, its end is a dated fact.
create table consents (
  tenant_id text not null,
  consent_id uuid not null,
  flow_id text not null,
  manifest_hash text not null,
  items text[] not null,
  preview text,
  given_by text not null,
  given_at timestamptz not null,
  valid_until timestamptz,
  withdrawn_at timestamptz,
  withdrawn_by text,
  withdrawal_reason text,
  primary key (tenant_id, consent_id)
);
create index consents_by_flow on consents (tenant_id, flow_id, given_at desc);
select sluss_tenant_table('consents', 'select, insert, update');

create table collection_choices (
  tenant_id text not null,
  item_id text not null,
  is_on boolean not null,
  precision text,
  changed_by text not null,
  changed_at timestamptz not null,
  primary key (tenant_id, item_id)
);
select sluss_tenant_table('collection_choices', 'select, insert, update');

-- The subprocessor list: public, one for the installation.
create table agent_listings (
  tenant_id text not null,
  party_id text not null,
  listed_at timestamptz not null,
  lead_time_days int not null check (lead_time_days >= 0),
  ended_at timestamptz,
  primary key (tenant_id, party_id)
);
select sluss_tenant_table('agent_listings', 'select, insert, update');
select sluss_enumerable('agent_listings');

create function sluss_agent_listing(party text)
returns table (listed_at timestamptz, lead_time_over_at timestamptz, ended_at timestamptz)
language sql stable security definer set search_path = public as
'select l.listed_at, l.listed_at + make_interval(days => l.lead_time_days), l.ended_at from agent_listings l where l.party_id = party';

create table agent_objections (
  tenant_id text not null,
  party_id text not null,
  objected_by text not null,
  objected_at timestamptz not null,
  settled_at timestamptz,
  primary key (tenant_id, party_id, objected_at)
);
select sluss_tenant_table('agent_objections', 'select, insert, update');

create table contracts (
  tenant_id text not null,
  contract_id uuid not null,
  party_id text not null,
  document_hash text not null,
  purposes text[] not null,
  valid_from timestamptz not null,
  valid_until timestamptz,
  recorded_by text not null,
  primary key (tenant_id, contract_id)
);
select sluss_tenant_table('contracts', 'select, insert, update');

create table permissions (
  tenant_id text not null,
  permission_id uuid not null,
  party_id text not null,
  contract_id uuid not null,
  given_by text not null,
  given_at timestamptz not null,
  withdrawn_at timestamptz,
  withdrawn_by text,
  primary key (tenant_id, permission_id),
  foreign key (tenant_id, contract_id) references contracts
);
select sluss_tenant_table('permissions', 'select, insert, update');

create table approvals (
  tenant_id text not null,
  approval_id uuid not null,
  connection_id text not null,
  exchange_id text not null,
  most_subjects int not null check (most_subjects > 0),
  given_by text not null,
  given_at timestamptz not null,
  valid_until timestamptz not null,
  used_by uuid,
  primary key (tenant_id, approval_id)
);
select sluss_tenant_table('approvals', 'select, insert, update');

-- A change of the list bears on every tenant.
do $$ begin
  execute format('create policy owner_bumps on facts_versions for all to %I using (true) with check (true)', current_user);
end $$;
create function sluss_bump_all_facts() returns void
language sql security definer set search_path = public as
$$update facts_versions set version = version + 1; select pg_notify('sluss_facts', '*')$$;
