-- owner: viewing
-- Which entries tell of looking under a grant, so that the tenant can see again what was seen.
create table grant_views (
  tenant_id text not null,
  grant_id uuid not null,
  entry_id uuid not null,
  primary key (tenant_id, grant_id, entry_id)
);
select sluss_tenant_table('grant_views', 'select, insert');

-- Why somebody saw an exact value: free text about a person, so it is sealed under that person's key and dies with it.
-- The entry holds a keyed commitment to it.
create table reveal_reasons (
  tenant_id text not null,
  entry_id uuid not null,
  subject_id uuid not null,
  sealed bytea not null,
  primary key (tenant_id, entry_id)
);
create index reveal_reasons_by_subject on reveal_reasons (tenant_id, subject_id);
select sluss_tenant_table('reveal_reasons', 'select, insert, delete');
