-- owner: ledger
-- What is appended in one statement waits as one row: a row for each entry cost more to write, read, delete and vacuum
-- than the entry itself. `entries` is in the form of C2SP entry bundles, each entry after its 16-bit length.
create table ledger_waiting (
  tenant_id text not null,
  queue_id bigint generated always as identity,
  entry_ids uuid[] not null,
  entries bytea not null,
  primary key (tenant_id, queue_id)
);
select sluss_tenant_table('ledger_waiting', 'select, insert, delete');
select sluss_enumerable('ledger_waiting');
alter table ledger_waiting alter column entries set storage external;

-- What an older version left in the queue.
alter table ledger_queue no force row level security;
alter table ledger_waiting no force row level security;
insert into ledger_waiting (tenant_id, entry_ids, entries)
select q.tenant_id, array[q.entry_id],
       set_byte(set_byte('\x0000'::bytea, 0, length(q.entry) / 256), 1, length(q.entry) % 256) || q.entry
  from ledger_queue q order by q.queue_id;
alter table ledger_waiting force row level security;

drop function sluss_logs_with_queue();
create function sluss_logs_with_queue() returns setof text
language sql stable security definer set search_path = public as
'select distinct tenant_id from ledger_waiting';
drop function sluss_append(uuid[], int[], int[], bytea);
drop table ledger_queue;

-- Appends in the caller's commit: `entries` holds as many entries as there are ids.
create function sluss_append(ids uuid[], entries bytea) returns void
language sql set search_path = public as $$
  insert into ledger_waiting (tenant_id, entry_ids, entries)
  values (current_setting('sluss.tenant_id'), ids, entries)
$$;
grant execute on function sluss_append(uuid[], bytea) to sluss_app;
