-- owner: breach
-- Whether a declared incident that touched the tenant is still open: people of it must be known until it is over.
-- Identifiers only.
select sluss_enumerable('breach_incidents');
create function sluss_breach_open_incidents(tenant text) returns setof uuid
language sql stable security definer set search_path = public as $$
  select t.incident_id from breach_touched t
    join breach_incidents i on i.incident_id = t.incident_id and i.scope_id = t.scope_id
   where t.tenant_id = tenant and t.is_touched and i.state = 'open' and i.declared_at is not null
   order by i.declared_at, t.incident_id
$$;
grant execute on function sluss_breach_open_incidents(text) to sluss_app;
