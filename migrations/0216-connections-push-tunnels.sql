-- owner: connections
-- Tunnels that are open now. What a node that died left here is closed by another, its size unknown.
create table push_tunnels (
  tenant_id text not null,
  tunnel_id uuid not null,
  connection_id text not null,
  entry_id uuid not null,
  destination text not null,
  node_id text not null,
  opened_at timestamptz not null,
  primary key (tenant_id, tunnel_id)
);
select sluss_tenant_table('push_tunnels', 'select, insert, delete');
select sluss_enumerable('push_tunnels');

create function sluss_tunnels_of(nodes text[]) returns table (tenant_id text, tunnel_id uuid)
language sql stable security definer set search_path = public as
'select t.tenant_id, t.tunnel_id from push_tunnels t where t.node_id = any(nodes)';
