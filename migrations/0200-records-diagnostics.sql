-- owner: records
-- Diagnostics of on-premises Configuration Manager sites. Nothing here leads to a person, a device or another tenant:
-- numbers and words of the product, and keyed hashes whose key is the tenant's.
create table diagnostics_settings (
  tenant_id text not null primary key,
  level text not null check (level in ('basic', 'enhanced', 'full')),
  changed_by text not null,
  changed_at timestamptz not null
);
select sluss_tenant_table('diagnostics_settings', 'select, insert, update');

create table diagnostics_packages (
  tenant_id text not null,
  package_id uuid not null,
  -- Keyed hash of the hierarchy's id: joins the packages of one hierarchy, and nothing across tenants.
  source text not null,
  product_version text not null,
  level text not null,
  collected_at timestamptz not null,
  received_at timestamptz not null,
  primary key (tenant_id, package_id)
);
create index diagnostics_packages_received on diagnostics_packages (tenant_id, received_at);
select sluss_tenant_table('diagnostics_packages', 'select, insert, delete');
select sluss_enumerable('diagnostics_packages');

create table diagnostics_values (
  tenant_id text not null,
  package_id uuid not null,
  item_id text not null,
  -- 1 basic, 2 enhanced, 3 full: what lies above a lowered level goes at once.
  level_rank smallint not null check (level_rank between 1 and 3),
  value jsonb not null,
  primary key (tenant_id, package_id, item_id),
  foreign key (tenant_id, package_id) references diagnostics_packages on delete cascade
);
select sluss_tenant_table('diagnostics_values', 'select, insert, delete');

-- For the operator: which packages there are in all tenants. Identifiers and dates only.
create function sluss_diagnostics_packages(since timestamptz)
returns table (tenant_id text, package_id uuid, received_at timestamptz)
language sql stable security definer set search_path = public as
'select p.tenant_id, p.package_id, p.received_at from diagnostics_packages p where p.received_at > since';
