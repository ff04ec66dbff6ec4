-- owner: records
-- Which of the tenant's scope tags a record carries: a viewer sees records that share a tag with their role.
alter table records add column scope_tags text[] not null default '{default}'
  check (cardinality(scope_tags) between 1 and 100);
alter table records add constraint records_kind check (kind in ('device', 'person'));
-- Which items the sealed part holds, by id: what a look will show can be recorded before any of it is opened.
alter table records add column sealed_items text[];
create index records_by_kind on records (tenant_id, kind, record_id) where removed_at is null;

-- Equality look-up of every sealed identifier of a record, as subject_index has it for the one that names its subject.
create table record_index (
  tenant_id text not null,
  item_id text not null,
  blind text not null,
  record_id uuid not null,
  primary key (tenant_id, item_id, blind, record_id)
);
create index record_index_by_record on record_index (tenant_id, record_id);
select sluss_tenant_table('record_index', 'select, insert, delete');
