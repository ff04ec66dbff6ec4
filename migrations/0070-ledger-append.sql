-- owner: ledger
-- Writes many entries in order: each is `lengths[i]` bytes of `entries` from `starts[i]`. One byte string for all,
-- because an array of byte strings would travel, and be parsed, as quoted hexadecimal.
create function sluss_append(ids uuid[], starts int[], lengths int[], entries bytea) returns void
language sql set search_path = public as $$
  insert into ledger_queue (tenant_id, entry_id, entry)
  select current_setting('sluss.tenant_id'), n.id, substring(entries from n.start for n.length)
    from unnest(ids, starts, lengths) with ordinality as n (id, start, length, place)
   order by n.place
$$;
grant execute on function sluss_append(uuid[], int[], int[], bytea) to sluss_app;
