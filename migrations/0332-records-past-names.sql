-- owner: records
-- Whom a record named before, until when: a device that changed hands shows each of its people their own time. Keyed
-- hashes only, of items that name people. They go with their record.
create table record_past_names (
  tenant_id text not null,
  item_id text not null,
  blind text not null,
  record_id uuid not null,
  past_no bigint generated always as identity,
  -- Null within the commit that changes the name.
  until_at timestamptz,
  primary key (tenant_id, item_id, blind, record_id, past_no)
);
create index record_past_names_by_record on record_past_names (tenant_id, record_id);
select sluss_tenant_table('record_past_names', 'select, insert, update, delete');

create function record_names_past() returns trigger language plpgsql set search_path = public as $$
begin
  insert into record_past_names (tenant_id, item_id, blind, record_id)
  select old.tenant_id, old.item_id, old.blind, old.record_id
   where exists (select from records r where r.tenant_id = old.tenant_id and r.record_id = old.record_id);
  return null;
end
$$;
-- For each row: a statement that deletes none, as most do, costs nothing.
create trigger names_past after delete on record_index for each row
  when (old.item_id like 'person.%' or old.item_id like 'school.%' or old.item_id like 'user.%')
  execute function record_names_past();

-- At the commit, when the record carries the time of the change.
create function record_names_dated() returns trigger language plpgsql set search_path = public as $$
begin
  update record_past_names p set until_at = r.last_seen from records r
   where p.tenant_id = new.tenant_id and p.record_id = new.record_id and p.item_id = new.item_id
     and p.blind = new.blind and p.past_no = new.past_no
     and r.tenant_id = p.tenant_id and r.record_id = p.record_id;
  return null;
end
$$;
create constraint trigger names_dated after insert on record_past_names deferrable initially deferred
  for each row execute function record_names_dated();

create function record_names_gone() returns trigger language plpgsql set search_path = public as $$
begin
  delete from record_past_names p using gone g where p.tenant_id = g.tenant_id and p.record_id = g.record_id;
  return null;
end
$$;
create trigger names_gone after delete on records referencing old table as gone
  for each statement execute function record_names_gone();
