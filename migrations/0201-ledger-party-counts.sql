-- owner: ledger
-- How many disclosures to each party stand in the log below `counted_to`. The log is the truth; this is made from it,
-- so that a count reads what is new and not the whole log.
create table ledger_party_counts (
  tenant_id text not null,
  party_id text not null,
  disclosures bigint not null,
  primary key (tenant_id, party_id)
);
select sluss_tenant_table('ledger_party_counts', 'select, insert, update');

create table ledger_counted (
  tenant_id text not null primary key,
  counted_to bigint not null
);
select sluss_tenant_table('ledger_counted', 'select, insert, update');
