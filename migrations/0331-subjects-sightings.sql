-- owner: subjects
-- Which entries of the log name a subject: made from the log by a follower with one cursor, and can be made again.
create table rights_sightings (
  tenant_id text not null,
  subject text not null,
  entry_index bigint not null,
  entry_id uuid not null,
  outcome text,
  primary key (tenant_id, subject, entry_index)
);
select sluss_tenant_table('rights_sightings', 'select, insert, update, delete');
create index rights_sightings_by_entry on rights_sightings (tenant_id, entry_id);

create table rights_cursors (
  tenant_id text not null primary key,
  indexed_to bigint not null
);
select sluss_tenant_table('rights_cursors', 'select, insert, update, delete');
