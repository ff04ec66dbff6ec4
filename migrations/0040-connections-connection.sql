-- owner: connections
create table connections (
  tenant_id text not null,
  connection_id text not null,
  connector_id text not null,
  title text not null,
  -- Where the party is, as scheme, host and port.
  origin text not null,
  -- Where the tenant's own client finds the gateway.
  gateway_port int check (gateway_port between 1 and 65535),
  enabled boolean not null default true,
  credentials bytea,
  credentials_expire_at timestamptz,
  client_credentials bytea,
  token_private_key bytea,
  token_certificate text,
  created_at timestamptz not null,
  primary key (tenant_id, connection_id)
);
select sluss_tenant_table('connections', 'select, insert, update');
select sluss_enumerable('connections');

create function sluss_gateways() returns table (tenant_id text, connection_id text, connector_id text, gateway_port int)
language sql stable security definer set search_path = public as
'select c.tenant_id, c.connection_id, c.connector_id, c.gateway_port from connections c where c.gateway_port is not null';

-- The party's session of a connection, shared by all nodes.
create table party_sessions (
  tenant_id text not null,
  connection_id text not null,
  token bytea,
  fingerprint text not null,
  primary key (tenant_id, connection_id)
);
select sluss_tenant_table('party_sessions', 'select, insert, update');

-- Nonces that a client has used; older than the signature tolerance they are forgotten.
create table client_nonces (
  tenant_id text not null,
  connection_id text not null,
  nonce text not null,
  used_at timestamptz not null,
  primary key (tenant_id, connection_id, nonce)
);
select sluss_tenant_table('client_nonces', 'select, insert, delete');

create table cursors (
  tenant_id text not null,
  connection_id text not null,
  phase text not null,
  cursor text not null,
  committed_at timestamptz not null,
  primary key (tenant_id, connection_id)
);
select sluss_tenant_table('cursors', 'select, insert, update');
