-- owner: ledger
-- Entries wait here, in the commit of what they tell of, until a sequencer gives them their place.
create table ledger_queue (
  tenant_id text not null,
  queue_id bigint generated always as identity,
  entry_id uuid not null,
  entry bytea not null,
  primary key (tenant_id, queue_id)
);
select sluss_tenant_table('ledger_queue', 'select, insert, delete');
select sluss_enumerable('ledger_queue');

create function sluss_logs_with_queue() returns setof text
language sql stable security definer set search_path = public as
'select distinct tenant_id from ledger_queue';

-- The head moves only together with the tiles and bundles below it, and only from the size it was read at.
create table ledger_heads (
  tenant_id text not null primary key,
  size bigint not null,
  checkpoint text not null,
  signed_at timestamptz not null
);
select sluss_tenant_table('ledger_heads', 'select, insert, update');
select sluss_enumerable('ledger_heads');

create function sluss_log_heads() returns table (tenant_id text, size bigint, checkpoint text)
language sql stable security definer set search_path = public as
'select h.tenant_id, h.size, h.checkpoint from ledger_heads h order by h.tenant_id';

-- C2SP tlog-tiles: a tile holds up to 256 hashes, a bundle up to 256 entries. Only the last of each grows.
create table ledger_tiles (
  tenant_id text not null,
  level smallint not null,
  tile_index bigint not null,
  hashes bytea not null check (length(hashes) between 32 and 8192 and length(hashes) % 32 = 0),
  primary key (tenant_id, level, tile_index)
);
select sluss_tenant_table('ledger_tiles', 'select, insert, update');

create table ledger_bundles (
  tenant_id text not null,
  bundle_index bigint not null,
  entries bytea not null,
  primary key (tenant_id, bundle_index)
);
select sluss_tenant_table('ledger_bundles', 'select, insert, update');

create table ledger_places (
  tenant_id text not null,
  entry_id uuid not null,
  entry_index bigint not null,
  primary key (tenant_id, entry_id)
);
select sluss_tenant_table('ledger_places', 'select, insert');

-- Written often while they grow, and hashes do not compress: kept as they are.
alter table ledger_bundles alter column entries set storage external;
alter table ledger_tiles alter column hashes set storage external;

-- What has been published stays: a full tile never changes, a growing one only grows.
create function ledger_only_grows() returns trigger language plpgsql as $$
declare
  before bytea;
  after bytea;
begin
  if tg_table_name = 'ledger_tiles' then
    before := old.hashes; after := new.hashes;
  else
    before := old.entries; after := new.entries;
  end if;
  if length(after) < length(before) or substr(after, 1, length(before)) <> before then
    raise exception 'a published part of the ledger cannot change' using errcode = 'check_violation';
  end if;
  return new;
end
$$;
create trigger only_grows before update on ledger_tiles for each row execute function ledger_only_grows();
create trigger only_grows before update on ledger_bundles for each row execute function ledger_only_grows();
