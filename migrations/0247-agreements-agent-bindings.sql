-- owner: agreements
-- Which agent runs a part of the service (the mail relay …); null: the operator itself. Rows of the installation.
create table agent_bindings (
  tenant_id text not null,
  service text not null,
  party_id text,
  bound_at timestamptz not null,
  primary key (tenant_id, service)
);
select sluss_tenant_table('agent_bindings', 'select, insert, update');
select sluss_enumerable('agent_bindings');

-- Public as the list itself is.
create function sluss_agent_bindings() returns table (service text, party_id text)
language sql stable security definer set search_path = public as
'select b.service, b.party_id from agent_bindings b order by b.service';
revoke all on function sluss_agent_bindings() from public;
grant execute on function sluss_agent_bindings() to sluss_app;

-- What the operator's staff are told about a tenant stands in the operator's rows, and goes to no agent that the tenant
-- objects to. For the operator's handle only, and no more than whether there is an objection.
select sluss_enumerable('agent_objections');
create function sluss_agent_objected(tenant text, party text) returns boolean
language sql stable security definer set search_path = public as
'select exists (select from agent_objections o
   where current_setting(''sluss.tenant_id'') = ''installation''
     and o.tenant_id = tenant and o.party_id = party and o.settled_at is null)';
revoke all on function sluss_agent_objected(text, text) from public;
grant execute on function sluss_agent_objected(text, text) to sluss_app;
