-- owner: ledger
-- What people filter the log by, beside each entry's place. Written by the sequencer, so that no append waits for it;
-- the bundles stay the truth, and this can be made again from them.
alter table ledger_places add column at timestamptz, add column kind text, add column actor text;

-- A log that was begun before this: its entries are read once more.
alter table ledger_bundles no force row level security;
alter table ledger_places no force row level security;
do $$
declare
  bundle record;
  place int;
  width int;
  number bigint;
  entry jsonb;
begin
  for bundle in select b.tenant_id, b.bundle_index, b.entries from ledger_bundles b loop
    place := 1;
    number := bundle.bundle_index * 256;
    while place < length(bundle.entries) loop
      width := get_byte(bundle.entries, place - 1) * 256 + get_byte(bundle.entries, place);
      entry := convert_from(substr(bundle.entries, place + 2, width), 'UTF8')::jsonb;
      update ledger_places p
         set at = (entry ->> 'at')::timestamptz, kind = entry ->> 'kind', actor = entry ->> 'actor'
       where p.tenant_id = bundle.tenant_id and p.entry_id = (entry ->> 'id')::uuid and p.entry_index = number;
      place := place + 2 + width;
      number := number + 1;
    end loop;
  end loop;
end
$$;
alter table ledger_bundles force row level security;
alter table ledger_places force row level security;

alter table ledger_places alter column at set not null, alter column kind set not null, alter column actor set not null;
create unique index ledger_places_in_order on ledger_places (tenant_id, entry_index);
create index ledger_places_at on ledger_places using brin (at);
