-- owner: sharing
-- As before (0071), but the lines that are written go into the ledger's queue as one row. Line i is `lengths[i]` bytes
-- of `entries`, its 16-bit length before it. All lines are written nearly always, and then nothing is cut out.
drop function sluss_journal(text, text, uuid[], int[], int[], bytea, bigint[], text[], text[], uuid[]);
create function sluss_journal(
  tenant text, node text, ids uuid[], lengths int[], entries bytea,
  versions bigint[], connections text[], exchanges text[], closes uuid[]
) returns setof uuid
language plpgsql set search_path = public as $$
declare
  held bigint;
  closed uuid[];
  places int[];
begin
  perform set_config('sluss.tenant_id', tenant, true);
  select f.version into held from facts_versions f where f.tenant_id = tenant for share;
  with gone as (
    delete from outbox o where o.tenant_id = tenant and o.entry_id = any(array_remove(closes, null))
    returning o.entry_id
  )
  select coalesce(array_agg(g.entry_id), '{}') into closed from gone g;
  select coalesce(array_agg(n.place order by n.place), '{}') into places
    from unnest(versions, closes) with ordinality as n (version, disclosure, place)
   where n.version = held
      or (n.disclosure = any(closed) and array_position(closes, n.disclosure) = n.place);
  insert into outbox (tenant_id, entry_id, connection_id, exchange_id, node_id)
  select tenant, n.id, n.connection, n.exchange, node
    from unnest(ids, versions, connections, exchanges) with ordinality as n (id, version, connection, exchange, place)
   where n.version = held;
  if cardinality(places) = cardinality(ids) then
    perform sluss_append(ids, entries);
  elsif cardinality(places) > 0 then
    perform sluss_append(array_agg(n.id order by n.place),
                         string_agg(substring(entries from n.start for n.length), ''::bytea order by n.place))
       from (select u.id, u.length, u.place,
                    (1 + sum(u.length) over (order by u.place) - u.length)::int as start
               from unnest(ids, lengths) with ordinality as u (id, length, place)) n
      where n.place = any(places);
  end if;
  return query select ids[p] from unnest(places) as p;
end
$$;
grant execute on function sluss_journal(text, text, uuid[], int[], bytea, bigint[], text[], text[], uuid[]) to sluss_app;
