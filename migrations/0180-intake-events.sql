-- owner: intake
-- Events that were taken in, by a keyed hash of their names: one that comes again is known for as long as it could.
create table intake_events (
  tenant_id text not null,
  connection_id text not null,
  mark text not null,
  arrived_at timestamptz not null,
  repeats int not null default 0,
  primary key (tenant_id, connection_id, mark)
);
create index intake_events_by_arrival on intake_events (tenant_id, connection_id, arrived_at);
select sluss_tenant_table('intake_events', 'select, insert, update, delete');
