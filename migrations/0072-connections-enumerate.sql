-- owner: connections
-- Which connections a job has to look after, across tenants: identifiers only.
create function sluss_connections() returns table (tenant_id text, connection_id text, connector_id text)
language sql stable security definer set search_path = public as
'select c.tenant_id, c.connection_id, c.connector_id from connections c where c.enabled order by 1, 2';
