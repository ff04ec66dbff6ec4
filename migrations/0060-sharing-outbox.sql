-- owner: sharing
-- A disclosure stands here from the commit of its entry until that of its outcome. What a node that died left
-- here was perhaps sent: its outcome is recorded as unknown.
create table outbox (
  tenant_id text not null,
  entry_id uuid not null,
  connection_id text not null,
  exchange_id text not null,
  node_id text not null,
  primary key (tenant_id, entry_id)
);
select sluss_tenant_table('outbox', 'select, insert, delete');
select sluss_enumerable('outbox');

create function sluss_open_disclosures(nodes text[]) returns table (tenant_id text, entry_id uuid)
language sql stable security definer set search_path = public as
'select o.tenant_id, o.entry_id from outbox o where o.node_id = any(nodes)';

create function sluss_outbox_nodes() returns setof text
language sql stable security definer set search_path = public as
'select distinct o.node_id from outbox o';
