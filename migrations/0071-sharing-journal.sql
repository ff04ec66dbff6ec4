-- owner: sharing
-- The one commit of the door: disclosures that open and outcomes that close, of callers who wait together.
-- A line of a disclosure has a version and a connection; it is written only if the tenant's facts are still at
-- that version, which is held until the commit: a withdrawal is either before it or after it. A line of an outcome
-- has the disclosure it closes; it is written only if that was still open, so a disclosure has one outcome. Answers the ids that were written.
create function sluss_journal(
  tenant text, node text, ids uuid[], starts int[], lengths int[], entries bytea,
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
  select tenant, ids[p], connections[p], exchanges[p], node
    from unnest(places) as p where versions[p] is not null;
  perform sluss_append(
    array(select ids[p] from unnest(places) as p),
    array(select starts[p] from unnest(places) as p),
    array(select lengths[p] from unnest(places) as p),
    entries);
  return query select ids[p] from unnest(places) as p;
end
$$;
grant execute on function sluss_journal(text, text, uuid[], int[], int[], bytea, bigint[], text[], text[], uuid[]) to sluss_app;
