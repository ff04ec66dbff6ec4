-- owner: records
-- What an attached on-premises site tells about its apps and collections: organisation's facts, about no person.
create table site_lists (
  tenant_id text not null,
  kind text not null check (kind in ('application', 'collection')),
  -- The id that the site gives it.
  name text not null,
  facts jsonb not null,
  received_at timestamptz not null,
  primary key (tenant_id, kind, name)
);
create index site_lists_received on site_lists (tenant_id, received_at);
select sluss_tenant_table('site_lists', 'select, insert, update, delete');
