-- owner: connections
-- What is known of each content token of Apple's Apps and Books. The token itself is among the connection's credentials.
create table vpp_tokens (
  tenant_id text not null,
  connection_id text not null,
  organization_name text,
  location_name text,
  country text,
  library_id text,
  account_type text not null default 'business' check (account_type in ('business', 'education')),
  sync_status text not null default 'none' check (sync_status in ('none', 'inProgress', 'completed', 'failed')),
  synchronised_at timestamptz,
  -- There is news that has not been asked for yet.
  sync_wanted_at timestamptz,
  -- Apple's error number, while the last call under the token met one.
  last_error int,
  -- Warned of its end when so many days were left, and not again for the same end.
  warned_days int,
  warned_end timestamptz,
  modified_at timestamptz not null,
  primary key (tenant_id, connection_id)
);
select sluss_tenant_table('vpp_tokens', 'select, insert, update, delete');
select sluss_enumerable('vpp_tokens');

-- Licences by product: whole numbers about the organisation, nobody in them.
create table vpp_assets (
  tenant_id text not null,
  connection_id text not null,
  adam_id text not null,
  pricing_param text not null,
  facts jsonb not null,
  primary key (tenant_id, connection_id, adam_id, pricing_param)
);
select sluss_tenant_table('vpp_assets', 'select, insert, update, delete');

create function sluss_vpp_news(at timestamptz, most int) returns table (tenant_id text, connection_id text)
language sql stable security definer set search_path = public as
'select v.tenant_id, v.connection_id from vpp_tokens v where v.sync_wanted_at <= at order by v.sync_wanted_at limit most';
