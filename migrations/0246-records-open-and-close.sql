-- owner: records
-- Each event changes the row of its record: room on the page, so that no index has to follow.
alter table records set (fillfactor = 80);

-- Opens records that events add to, in one round trip. By place: a name is a keyed hash of an identifying item, and may
-- have another name beside it that is of the same subject. Of names that nobody knows yet `ids` become the subjects; a
-- subject that one of the two names leads to is known by the other from now on. What is answered is held until the
-- commit, and so is what is not there yet: in order, so that nobody waits in a ring. Plans of these functions are made
-- once, perhaps of empty tables: `offset 0` and loops keep each look-up on the key.
create function sluss_records_open(
  connection text, record_kind text, items text[], blinds text[], other_items text[], other_blinds text[], ids uuid[]
) returns table (
  place bigint, subject uuid, fresh boolean, id uuid, clear jsonb, sealed bytea, merged jsonb, removed boolean, indexed boolean
)
language plpgsql set search_path = public as $$
declare
  tenant text := current_setting('sluss.tenant_id');
  known uuid[];
  others uuid[];
  subjects uuid[];
begin
  select array_agg(s.subject_id order by n.place), array_agg(o.subject_id order by n.place) into known, others
    from unnest(items, blinds, other_items, other_blinds) with ordinality as n (item, blind, other_item, other_blind, place)
    left join lateral (
      select x.subject_id from subject_index x
       where x.tenant_id = tenant and x.item_id = n.item and x.blind = n.blind offset 0) s on true
    left join lateral (
      select x.subject_id from subject_index x
       where x.tenant_id = tenant and x.item_id = n.other_item and x.blind = n.other_blind offset 0) o on true;
  subjects := known;
  if array_position(known, null) is not null then
    insert into subject_index (tenant_id, item_id, blind, subject_id)
    select distinct on (n.item, n.blind) tenant, n.item, n.blind, coalesce(n.other, n.id)
      from unnest(items, blinds, known, others, ids) with ordinality as n (item, blind, subject, other, id, place)
     where n.subject is null
     order by n.item, n.blind, n.place
    on conflict do nothing;
    -- Another transaction may have been first with some of them: what stands in the table counts.
    select array_agg(s.subject_id order by n.place) into subjects
      from unnest(items, blinds) with ordinality as n (item, blind, place)
     cross join lateral (
      select x.subject_id from subject_index x
       where x.tenant_id = tenant and x.item_id = n.item and x.blind = n.blind offset 0) s;
  end if;
  insert into subject_index (tenant_id, item_id, blind, subject_id)
  select distinct on (n.item, n.blind) tenant, n.item, n.blind, n.subject
    from unnest(other_items, other_blinds, others, subjects) with ordinality as n (item, blind, other, subject, place)
   where n.item is not null and n.other is null
   order by n.item, n.blind, n.place
  on conflict do nothing;
  perform pg_advisory_xact_lock(hashtextextended(tenant || '/' || connection || '/' || n.subject, 0))
     from (select distinct u.subject from unnest(subjects) as u (subject) order by u.subject) as n;
  return query
    select n.place, n.subject, n.known is null, r.id, r.clear, r.sealed, r.merged, r.removed, r.indexed
      from unnest(subjects, known) with ordinality as n (subject, known, place)
      left join lateral (
        select o.record_id as id, o.clear, o.sealed, o.merged, o.removed_at is not null as removed,
               o.sealed_items is not null as indexed
          from records o
         where o.tenant_id = tenant and o.connection_id = connection and o.kind = record_kind and o.subject_id = n.subject
           for update
      ) r on true;
end
$$;
grant execute on function sluss_records_open(text, text, text[], text[], text[], text[], uuid[]) to sluss_app;

-- Writes records in one round trip. Those in `touched` hold what they held; they were seen, and more is not written.
-- `replaces` is for records that come in parts: all that is given counts. Without it a record that its party removed
-- keeps what it held. Of the index, `gone` goes and `added` comes; of each record in `whole` all but these goes.
create function sluss_records_close(
  connection text, record_kind text, seen timestamptz, replaces boolean,
  touched json, changed json, added json, gone json, whole json
) returns void
language plpgsql set search_path = public as $$
declare
  tenant text := current_setting('sluss.tenant_id');
  n record;
begin
  for n in select * from json_to_recordset(touched) as t (subject uuid, merged jsonb, removed boolean) loop
    update records r
       set last_seen = seen, merged = coalesce(n.merged, r.merged), removed_at = case when n.removed then seen end
     where r.tenant_id = tenant and r.connection_id = connection and r.kind = record_kind and r.subject_id = n.subject;
  end loop;
  for n in select * from json_to_recordset(gone) as g (id uuid, item text, blind text) loop
    delete from record_index i
     where i.tenant_id = tenant and i.item_id = n.item and i.blind = n.blind and i.record_id = n.id;
  end loop;
  for n in select * from json_to_recordset(whole) as w (subject uuid, blinds text[]) loop
    delete from record_index i
     where i.tenant_id = tenant and i.blind <> all(n.blinds) and i.record_id = (
       select r.record_id from records r
        where r.tenant_id = tenant and r.connection_id = connection and r.kind = record_kind
          and r.subject_id = n.subject);
  end loop;
  with written as (
    insert into records as r (tenant_id, record_id, subject_id, connection_id, kind, clear, sealed, sealed_items,
                              first_seen, last_seen, removed_at, merged)
    select tenant, c.id, c.subject, connection, record_kind, c.clear, decode(c.sealed, 'base64'), c.items,
           seen, seen, case when c.removed then seen end, coalesce(c.merged, '{"newest": {}, "precisions": {}}')
      from json_to_recordset(changed)
             as c (id uuid, subject uuid, clear jsonb, sealed text, items text[], merged jsonb, removed boolean)
    on conflict (tenant_id, connection_id, kind, subject_id) do update
       set clear = case when replaces or excluded.removed_at is null then excluded.clear else r.clear end,
           sealed = case when replaces or excluded.removed_at is null then excluded.sealed else r.sealed end,
           sealed_items = case when replaces or excluded.removed_at is null then excluded.sealed_items else r.sealed_items end,
           merged = case when replaces then excluded.merged else r.merged end,
           last_seen = excluded.last_seen, removed_at = excluded.removed_at
    returning r.record_id, r.subject_id
  )
  insert into record_index (tenant_id, item_id, blind, record_id)
  select tenant, a.item, a.blind, w.record_id
    from json_to_recordset(added) as a (subject uuid, item text, blind text)
    join written w on w.subject_id = a.subject
  on conflict do nothing;
end
$$;
grant execute on function sluss_records_close(text, text, timestamptz, boolean, json, json, json, json, json) to sluss_app;
