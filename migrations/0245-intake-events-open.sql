-- owner: intake
-- The begin of taking events in, in one round trip: the tenant's facts are held at their version until the commit, and
-- if they are still at the version that the caller `known`s the marks are written. Otherwise nothing is, and the caller
-- reads the facts and comes again. `untouched`: this transaction had written nothing before, so that what it reads is
-- what others have committed, and may be remembered. `fresh`: marks that were not there.
create function sluss_intake_open(
  connection text, marks text[], more int[], arrived timestamptz, tidied timestamptz, known bigint,
  out version bigint, out untouched boolean, out marked text[], out repeats int[]
) language plpgsql set search_path = public as $$
declare
  tenant text := current_setting('sluss.tenant_id');
  old text[];
begin
  untouched := pg_current_xact_id_if_assigned() is null;
  select f.version into version from facts_versions f where f.tenant_id = tenant for share;
  version := coalesce(version, 0);
  if known is distinct from version then
    return;
  end if;
  with written as (
    insert into intake_events as e (tenant_id, connection_id, mark, arrived_at, repeats)
    select tenant, connection, n.mark, arrived, n.more from unnest(marks, more) as n (mark, more) order by n.mark
    on conflict (tenant_id, connection_id, mark) do update set repeats = e.repeats + 1 + excluded.repeats
    returning e.mark, e.repeats
  )
  select coalesce(array_agg(w.mark), '{}'), coalesce(array_agg(w.repeats), '{}') into marked, repeats from written w;
  -- Marks do not grow without end: with each group some that nothing can come again of go.
  select array_agg(o.mark) into old from (
    select e.mark from intake_events e
     where e.tenant_id = tenant and e.connection_id = connection and e.arrived_at < tidied and e.mark <> all(marks)
     order by e.arrived_at limit 64 for update skip locked) as o;
  if old is not null then
    delete from intake_events e where e.tenant_id = tenant and e.connection_id = connection and e.mark = any(old);
  end if;
end
$$;
grant execute on function sluss_intake_open(text, text[], int[], timestamptz, timestamptz, bigint) to sluss_app;
