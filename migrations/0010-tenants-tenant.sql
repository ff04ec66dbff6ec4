-- owner: tenants
create table tenants (
  tenant_id text not null primary key,
  name text not null,
  region text not null,
  state text not null default 'open' check (state in ('open', 'closing', 'closed')),
  privacy_contact text,
  created_at timestamptz not null
);
select sluss_tenant_table('tenants', 'select, insert, update');
select sluss_enumerable('tenants');

create function sluss_tenant_ids() returns setof text
language sql stable security definer set search_path = public as
'select tenant_id from tenants order by tenant_id';

-- Grows with every change that bears on a decision. A plan is good for the version it was made from.
create table facts_versions (
  tenant_id text not null primary key,
  version bigint not null
);
select sluss_tenant_table('facts_versions', 'select, insert, update');
