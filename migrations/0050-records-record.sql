-- owner: records
-- Equality look-up of sealed identifiers: a keyed hash leads to the subject, and says nothing without the key.
create table subject_index (
  tenant_id text not null,
  item_id text not null,
  blind text not null,
  subject_id uuid not null,
  primary key (tenant_id, item_id, blind)
);
create index subject_index_by_subject on subject_index (tenant_id, subject_id);
select sluss_tenant_table('subject_index', 'select, insert, delete');

create table records (
  tenant_id text not null,
  record_id uuid not null,
  subject_id uuid not null,
  connection_id text not null,
  kind text not null,
  -- Plain facts, by item id: what filters and reports need.
  clear jsonb not null,
  -- Items that name or reach a person, device identifiers, free text: under the subject's key.
  sealed bytea not null,
  first_seen timestamptz not null,
  last_seen timestamptz not null,
  removed_at timestamptz,
  primary key (tenant_id, record_id),
  unique (tenant_id, connection_id, kind, subject_id)
);
create index records_by_subject on records (tenant_id, subject_id);
select sluss_tenant_table('records', 'select, insert, update, delete');
