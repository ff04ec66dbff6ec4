-- owner: ledger
-- An entry is written once. What one statement appends is a segment: the entries in the form of C2SP entry bundles,
-- each after its 16-bit length, their leaf hashes of 32 bytes each, and what they say on their outside. It waits while
-- it has no `first_index`; a sequencer gives it one and does not touch the entries again. Bundles are cut from segments.
create table ledger_segments (
  tenant_id text not null,
  queue_id bigint generated always as identity,
  first_index bigint,
  entry_ids uuid[] not null,
  ats timestamptz[] not null,
  kinds text[] not null,
  actors text[] not null,
  -- No id of the segment lies outside of these; `wide` where they are more than two seconds apart by the time they carry.
  least_id uuid not null,
  greatest_id uuid not null,
  wide boolean not null,
  hashes bytea not null check (length(hashes) = 32 * cardinality(entry_ids)),
  entries bytea not null,
  primary key (tenant_id, queue_id)
);
select sluss_tenant_table('ledger_segments', 'select, insert, update (first_index)');
select sluss_enumerable('ledger_segments');
-- Hashes do not compress, and entries are mostly hashes and commitments.
alter table ledger_segments alter column entries set storage external, alter column hashes set storage external;
create index ledger_segments_waiting on ledger_segments (tenant_id, queue_id) where first_index is null;
create unique index ledger_segments_in_order on ledger_segments (tenant_id, first_index) where first_index is not null;
-- The segment of an id is among the few that end within two seconds after it, or among the few that are wide.
create index ledger_segments_ids on ledger_segments (tenant_id, greatest_id);
create index ledger_segments_wide on ledger_segments (tenant_id) where wide;

-- A place that was given stays.
create function ledger_keeps_places() returns trigger language plpgsql as $$
begin
  if old.first_index is not null or new.first_index is null then
    raise exception 'a published part of the ledger cannot change' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger keeps_places before update on ledger_segments for each row execute function ledger_keeps_places();

-- A log that was begun before this: its bundles are segments of 256, wide for all we know, and what waited waits on.
create function pg_temp.width_of(bytes bytea, place int) returns int language sql immutable as
'select get_byte(bytes, place) * 256 + get_byte(bytes, place + 1)';
create function pg_temp.entries_of(bytes bytea) returns setof bytea language plpgsql immutable as $$
declare
  place int := 0;
begin
  while place < length(bytes) loop
    return next substr(bytes, place + 3, pg_temp.width_of(bytes, place));
    place := place + 2 + pg_temp.width_of(bytes, place);
  end loop;
end
$$;
alter table ledger_bundles no force row level security;
alter table ledger_waiting no force row level security;
alter table ledger_segments no force row level security;
insert into ledger_segments (tenant_id, first_index, entry_ids, ats, kinds, actors, least_id, greatest_id, wide, hashes, entries)
select old.tenant_id, old.first_index, array_agg(e.id order by e.place), array_agg(e.at order by e.place),
       array_agg(e.kind order by e.place), array_agg(e.actor order by e.place),
       (array_agg(e.id order by e.id))[1], (array_agg(e.id order by e.id desc))[1],
       true, string_agg(e.hash, ''::bytea order by e.place), old.entries
  from (select tenant_id, bundle_index * 256 as first_index, bundle_index as position, entries from ledger_bundles
         union all
        select tenant_id, null, queue_id, entries from ledger_waiting) old
 cross join lateral (
   select n.place, sha256('\x00'::bytea || n.entry) as hash, (j.entry ->> 'id')::uuid as id,
          (j.entry ->> 'at')::timestamptz as at, j.entry ->> 'kind' as kind, j.entry ->> 'actor' as actor
     from pg_temp.entries_of(old.entries) with ordinality as n (entry, place)
    cross join lateral (select convert_from(n.entry, 'UTF8')::jsonb as entry) j) e
 group by old.tenant_id, old.first_index, old.position, old.entries
 order by old.tenant_id, old.first_index is null, old.position;
alter table ledger_segments force row level security;

drop function sluss_logs_with_queue();
create function sluss_logs_with_queue() returns setof text
language sql stable security definer set search_path = public as
'select distinct tenant_id from ledger_segments where first_index is null';
drop function sluss_append(uuid[], bytea);
drop table ledger_waiting;
drop table ledger_places;
drop table ledger_bundles;

-- Appends in the caller's commit.
create function sluss_append(
  ids uuid[], ats timestamptz[], kinds text[], actors text[], lowest uuid, highest uuid, is_wide boolean,
  hashes bytea, entries bytea
) returns void
language sql set search_path = public as $$
  insert into ledger_segments (tenant_id, entry_ids, ats, kinds, actors, least_id, greatest_id, wide, hashes, entries)
  values (current_setting('sluss.tenant_id'), ids, ats, kinds, actors, lowest, highest, is_wide, hashes, entries)
$$;
grant execute on function sluss_append(uuid[], timestamptz[], text[], text[], uuid, uuid, boolean, bytea, bytea) to sluss_app;
