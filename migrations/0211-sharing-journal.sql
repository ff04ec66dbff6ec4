-- owner: sharing
-- As before (0081), but it knows what a segment of the ledger holds, and answers the places of the lines that were not
-- written: nearly always none.
drop function sluss_journal(text, text, uuid[], int[], bytea, bigint[], text[], text[], uuid[]);
create function sluss_journal(
  tenant text, node text, ids uuid[], ats timestamptz[], kinds text[], actors text[], lowest uuid, highest uuid,
  is_wide boolean, hashes bytea, entries bytea, lengths int[], versions bigint[], connections text[], exchanges text[], closes uuid[]
) returns int[]
language plpgsql set search_path = public as $$
declare
  held bigint;
  closed uuid[];
  unwritten int[];
begin
  perform set_config('sluss.tenant_id', tenant, true);
  select f.version into held from facts_versions f where f.tenant_id = tenant for share;
  with gone as (
    delete from outbox o where o.tenant_id = tenant and o.entry_id = any(array_remove(closes, null))
    returning o.entry_id
  )
  select coalesce(array_agg(g.entry_id), '{}') into closed from gone g;
  insert into outbox (tenant_id, entry_id, connection_id, exchange_id, node_id)
  select tenant, n.id, n.connection, n.exchange, node
    from unnest(ids, versions, connections, exchanges) as n (id, version, connection, exchange)
   where n.version = held;
  select coalesce(array_agg(n.place::int), '{}') into unwritten
    from unnest(versions, closes) with ordinality as n (version, disclosure, place)
   where (n.version = held
          or (n.disclosure = any(closed) and array_position(closes, n.disclosure) = n.place)) is not true;
  if cardinality(unwritten) = 0 then
    perform sluss_append(ids, ats, kinds, actors, lowest, highest, is_wide, hashes, entries);
  elsif cardinality(unwritten) < cardinality(ids) then
    perform sluss_append(
      array_agg(n.id order by n.place), array_agg(n.at order by n.place),
      array_agg(n.kind order by n.place), array_agg(n.actor order by n.place), lowest, highest, is_wide,
      string_agg(substring(hashes from (32 * n.place - 31)::int for 32), ''::bytea order by n.place),
      string_agg(substring(entries from n.start for n.length), ''::bytea order by n.place))
      from (select u.id, u.at, u.kind, u.actor, u.length, u.place,
                   (1 + sum(u.length) over (order by u.place) - u.length)::int as start
              from unnest(ids, ats, kinds, actors, lengths) with ordinality as u (id, at, kind, actor, length, place)) n
     where n.place <> all(unwritten);
  end if;
  return unwritten;
end
$$;
grant execute on function sluss_journal(
  text, text, uuid[], timestamptz[], text[], text[], uuid, uuid, boolean, bytea, bytea, int[], bigint[], text[], text[], uuid[]
) to sluss_app;
