-- owner: keys
-- Every key here is wrapped: a subject's by the tenant's, the tenant's by the root key.
create table tenant_keys (
  tenant_id text not null,
  key_id uuid not null,
  wrapped bytea not null,
  created_at timestamptz not null default now(),
  retired_at timestamptz,
  primary key (tenant_id, key_id)
);
select sluss_tenant_table('tenant_keys', 'select, insert, update, delete');

-- One random secret per tenant, from which its look-up, commitment and pseudonym keys are derived.
create table tenant_secrets (
  tenant_id text not null primary key,
  key_id uuid not null,
  wrapped bytea not null
);
select sluss_tenant_table('tenant_secrets', 'select, insert, update');

create table subject_keys (
  tenant_id text not null,
  subject_id uuid not null,
  key_id uuid not null,
  wrapped bytea not null,
  primary key (tenant_id, subject_id)
);
select sluss_tenant_table('subject_keys', 'select, insert, update, delete');

create table signing_keys (
  tenant_id text not null,
  name text not null,
  wrapped bytea not null,
  primary key (tenant_id, name)
);
select sluss_tenant_table('signing_keys', 'select, insert');
